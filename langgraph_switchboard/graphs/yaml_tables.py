"""Kinds of values in a blueprint's YAML that are made of others: lists, tables, policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from langgraph_switchboard.graphs.references import PATTERN, name_of
from langgraph_switchboard.graphs.shapes import Shapes
from langgraph_switchboard.graphs.yaml_kinds import (
    Kind,
    Reference,
    Schema,
    came,
    located,
    refuse_unknown,
)
from langgraph_switchboard.graphs.yaml_nodes import ENDINGS, Items, Node, Source, Table, Text


@dataclass(frozen=True)
class ListOf(Kind):
    """A list of one kind."""

    kind: Kind

    @property
    def says(self) -> str:  # type: ignore[override]
        return f"a list, each item {self.kind.says}"

    def read(self, node: Node, source: Source) -> Any:
        if not isinstance(node, Items):
            source.refuse(node.at, "this is no list", wanted=self.says, came=came(node))
        return tuple(self.kind.read(item, source) for item in node.items)

    def write(self, value: Any) -> Any:
        return [self.kind.write(one) for one in value]

    def schema(self) -> Schema:
        return {"type": "array", "items": self.kind.schema()}

    def accepts(self, node: Node) -> bool:
        return isinstance(node, Items)

    def holds(self, value: object) -> bool:
        return isinstance(value, tuple | list | set | frozenset)


@dataclass(frozen=True)
class TableOf(Kind):
    """A table from any words to one kind."""

    kind: Kind

    @property
    def says(self) -> str:  # type: ignore[override]
        return f"a table, each value {self.kind.says}"

    def read(self, node: Node, source: Source) -> Any:
        if not isinstance(node, Table):
            source.refuse(node.at, "this is no table", wanted=self.says, came=came(node))
        return {key.value: self.kind.read(value, source) for key, value in node.pairs}

    def write(self, value: Any) -> Any:
        return {key: self.kind.write(one) for key, one in value.items()}

    def schema(self) -> Schema:
        return {"type": "object", "additionalProperties": self.kind.schema()}

    def accepts(self, node: Node) -> bool:
        return isinstance(node, Table)

    def holds(self, value: object) -> bool:
        return isinstance(value, Mapping)


@dataclass(frozen=True)
class Entry:
    """One key of a form.

    Args:
        kind: What stands under it.
        is_needed: It may not be left out.
        default: What holds where it is left out.
        says: What it means.
        may_be_nothing: `null` may stand there.
    """

    kind: Kind
    is_needed: bool = False
    default: Any = None
    says: str = ""
    may_be_nothing: bool = False

    def read(self, node: Node, source: Source) -> Any:
        """The value under the key."""
        if isinstance(node, Text) and node.is_nothing and self.may_be_nothing:
            return None
        return self.kind.read(node, source)

    def schema(self) -> Schema:
        """Its kind and its meaning."""
        kind = self.kind.schema()
        if self.may_be_nothing:
            kind = {"anyOf": [kind, {"type": "null"}]}
        return {**kind, "description": self.says} if self.says else kind


@dataclass(frozen=True)
class Record(Kind):
    """A policy: a dataclass, field by field."""

    made: type
    entries: Mapping[str, Entry]

    @property
    def says(self) -> str:  # type: ignore[override]
        return f"a table with {', '.join(self.entries)}"

    def read(self, node: Node, source: Source) -> Any:
        if not isinstance(node, Table):
            source.refuse(node.at, f"this is no {self.made.__name__}", wanted=self.says, came=came(node))
        refuse_unknown(node, self.entries, source, f"a {self.made.__name__.lower()}")
        given = {key.value: self.entries[key.value].read(value, source) for key, value in node.pairs}
        missing = [name for name, entry in self.entries.items() if entry.is_needed and name not in given]
        if missing:
            source.refuse(node.at, f"a {self.made.__name__.lower()} needs {', '.join(missing)}")
        return located(partial(self.made, **given), source, node)

    def write(self, value: Any) -> Any:
        said = {name: (getattr(value, name), entry) for name, entry in self.entries.items()}
        return {
            name: None if one is None else entry.kind.write(one)
            for name, (one, entry) in said.items()
            if entry.is_needed or one != entry.default
        }

    def schema(self) -> Schema:
        needed = [name for name, entry in self.entries.items() if entry.is_needed]
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: entry.schema() for name, entry in self.entries.items()},
            **({"required": needed} if needed else {}),
        }

    def accepts(self, node: Node) -> bool:
        return isinstance(node, Table)

    def holds(self, value: object) -> bool:
        return isinstance(value, self.made)


@dataclass(frozen=True)
class Inside(Kind):
    """A blueprint inside another: code, or a YAML file beside this one.

    Args:
        or_code: Code that is no blueprint may stand there, too.
    """

    or_code: bool = False

    @property
    def says(self) -> str:  # type: ignore[override]
        agent = ", or an agent" if self.or_code else ""
        return f'a blueprint as "module:name" or "file.yaml"{agent}'

    def read(self, node: Node, source: Source) -> Any:
        if isinstance(node, Text) and node.value.endswith(ENDINGS):
            return source.beside(node)
        found = Reference().read(node, source)
        if not self.or_code and not isinstance(found, Shapes):
            source.refuse(node.at, "this is no blueprint", wanted=self.says, came=type(found).__name__)
        return found

    def write(self, value: Any) -> Any:
        # A file is named as it was; from which folder, whoever moves the text has to mind.
        return getattr(value, "called", "") or name_of(value)

    def schema(self) -> Schema:
        return {"anyOf": [{"type": "string", "pattern": r"\.ya?ml$"}, {"type": "string", "pattern": PATTERN}]}


@dataclass(frozen=True)
class Either(Kind):
    """One of several kinds, the first that has the form of what stands there."""

    kinds: tuple[Kind, ...]

    @property
    def says(self) -> str:  # type: ignore[override]
        return ", or ".join(kind.says for kind in self.kinds)

    def read(self, node: Node, source: Source) -> Any:
        kind = next((kind for kind in self.kinds if kind.accepts(node)), None)
        if kind is None:
            source.refuse(node.at, "this is something else than is wanted", wanted=self.says, came=came(node))
        return kind.read(node, source)

    def write(self, value: Any) -> Any:
        return next(kind for kind in self.kinds if kind.holds(value)).write(value)

    def schema(self) -> Schema:
        return {"anyOf": [kind.schema() for kind in self.kinds]}

    def accepts(self, node: Node) -> bool:
        return any(kind.accepts(node) for kind in self.kinds)

    def holds(self, value: object) -> bool:
        return any(kind.holds(value) for kind in self.kinds)
