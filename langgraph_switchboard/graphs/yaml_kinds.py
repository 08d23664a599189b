"""Kinds of single values in a blueprint's YAML: how each is read, written, and told to an editor."""

from __future__ import annotations

import difflib
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from langgraph_switchboard.errors import BlueprintError, BlueprintUnreadable, SwitchboardError
from langgraph_switchboard.graphs.durations import seconds_of, written
from langgraph_switchboard.graphs.references import PATTERN, name_of, resolve
from langgraph_switchboard.graphs.yaml_nodes import Items, Node, Source, Table, Text
from langgraph_switchboard.nodes import END, JOIN

T = TypeVar("T")
Schema = dict[str, Any]
WORDS = {"END": END, "JOIN": JOIN}
"""How the end of a case is written, and where a branch has done its part."""
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


class Kind(ABC):
    """What may stand in one place of the file."""

    says: str
    """What is wanted, in words."""

    @abstractmethod
    def read(self, node: Node, source: Source) -> Any:
        """The value that a node stands for.

        Raises:
            BlueprintUnreadable: It is something else than is wanted.
        """

    def write(self, value: Any) -> Any:
        """The value as plain data.

        Raises:
            BlueprintError: It cannot be written as text.
        """
        return value

    @abstractmethod
    def schema(self) -> Schema:
        """What an editor has to know, as JSON Schema."""

    def accepts(self, node: Node) -> bool:
        """Whether the node has the form of it; its content may still be wrong."""
        return isinstance(node, Text)

    def holds(self, value: object) -> bool:
        """Whether a value of Python is of this kind."""
        return True

    def _text(self, node: Node, source: Source) -> Text:
        if not isinstance(node, Text) or node.is_nothing:
            source.refuse(node.at, "this is something else than is wanted", wanted=self.says, came=came(node))
        return node


class Word(Kind):
    """Any text."""

    says = "text"

    def read(self, node: Node, source: Source) -> Any:
        return self._text(node, source).value

    def schema(self) -> Schema:
        return {"type": "string"}

    def holds(self, value: object) -> bool:
        return isinstance(value, str)


@dataclass(frozen=True)
class OneWord(Kind):
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def says(self) -> str:  # type: ignore[override]
        return " or ".join(self.words)

    def read(self, node: Node, source: Source) -> Any:
        text = self._text(node, source)
        if text.value not in self.words:
            mend = did_you_mean(text.value, self.words)
            source.refuse(
                text.at, f"{text.value!r} is not among what may stand here", wanted=self.says, mend=mend
            )
        return text.value

    def schema(self) -> Schema:
        return {"enum": list(self.words)}

    def holds(self, value: object) -> bool:
        return value in self.words


class Number(Kind):
    """A number; whole numbers stay whole."""

    says = "a number"

    def read(self, node: Node, source: Source) -> Any:
        text = self._text(node, source)
        if not (text.is_plain and _NUMBER.fullmatch(text.value)):
            source.refuse(text.at, "this is no number", wanted=self.says, came=text.value)
        return int(text.value) if re.fullmatch(r"[-+]?\d+", text.value) else float(text.value)

    def schema(self) -> Schema:
        return {"type": "number"}

    def holds(self, value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool)


class Whole(Number):
    """A whole number."""

    says = "a whole number"

    def read(self, node: Node, source: Source) -> Any:
        number = super().read(node, source)
        if not isinstance(number, int):
            source.refuse(node.at, "this is no whole number", wanted=self.says, came=str(number))
        return number

    def schema(self) -> Schema:
        return {"type": "integer"}

    def holds(self, value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)


class Flag(Kind):
    """True or false; `yes`, `on` and the like are words as any other."""

    says = "true or false"

    def read(self, node: Node, source: Source) -> Any:
        text = self._text(node, source)
        if not text.is_plain or text.value not in ("true", "false"):
            source.refuse(text.at, "this is neither true nor false", wanted=self.says, came=text.value)
        return text.value == "true"

    def schema(self) -> Schema:
        return {"type": "boolean"}

    def holds(self, value: object) -> bool:
        return isinstance(value, bool)


class Duration(Kind):
    """A length of time."""

    says = 'a length of time: seconds, or "30s", "5m", "4h", "2d"'

    def read(self, node: Node, source: Source) -> Any:
        try:
            return timedelta(seconds=self._seconds(node, source))
        except OverflowError:
            source.refuse(node.at, "this is longer than time is counted", wanted=self.says)

    def write(self, value: Any) -> Any:
        return written(value.total_seconds() if isinstance(value, timedelta) else seconds_of(value, ""))

    def schema(self) -> Schema:
        text = {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[smhd]\s*$"}
        return {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, text]}

    def accepts(self, node: Node) -> bool:
        return isinstance(node, Text) and not re.match(PATTERN, node.value)

    def holds(self, value: object) -> bool:
        return isinstance(value, timedelta | str | int | float) and not isinstance(value, bool)

    def _seconds(self, node: Node, source: Source) -> float:
        text = self._text(node, source)
        said = float(text.value) if text.is_plain and _NUMBER.fullmatch(text.value) else text.value
        try:
            return seconds_of(said, "")
        except BlueprintError:
            source.refuse(text.at, "this is no length of time", wanted=self.says, came=text.value)


class Seconds(Duration):
    """A length of time that Python takes as seconds."""

    def read(self, node: Node, source: Source) -> Any:
        return self._seconds(node, source)


@dataclass(frozen=True)
class Reference(Kind):
    """Code: an agent, a condition, a contract, a hook.

    Args:
        base: What a class must derive from; None where no class is wanted.
    """

    base: type | None = None

    @property
    def says(self) -> str:  # type: ignore[override]
        kind = f"a {self.base.__name__}" if self.base else "code"
        return f'{kind} as "module:name"'

    def read(self, node: Node, source: Source) -> Any:
        text = self._text(node, source)
        try:
            found = resolve(text.value)
        except BlueprintError as error:
            source.refuse(text.at, error.problem, wanted=error.wanted, mend=error.mend)
        if self.base and not (isinstance(found, type) and issubclass(found, self.base)):
            source.refuse(text.at, f"{text.value!r} is no {self.base.__name__}", came=type(found).__name__)
        return found

    def write(self, value: Any) -> Any:
        return name_of(value)

    def schema(self) -> Schema:
        return {"type": "string", "pattern": PATTERN}

    def accepts(self, node: Node) -> bool:
        return isinstance(node, Text) and re.match(PATTERN, node.value) is not None

    def holds(self, value: object) -> bool:
        return not isinstance(value, str | timedelta | int | float | Mapping | tuple | list)


class Target(Kind):
    """Where a case goes next: a step, the end, or a condition that picks."""

    says = 'the name of a step, END, JOIN, or a condition as "module:name"'

    def read(self, node: Node, source: Source) -> Any:
        text = self._text(node, source)
        if text.value in WORDS:
            return WORDS[text.value]
        # A step's name may hold anything; `module:name` is a condition all the same.
        return Reference().read(node, source) if re.match(PATTERN, text.value) else text.value

    def write(self, value: Any) -> Any:
        if isinstance(value, str):
            if value in WORDS or re.match(PATTERN, value):
                raise BlueprintError(
                    f"the name {value!r} means something else in YAML", mend="Call the step otherwise."
                )
            return next((word for word, stands in WORDS.items() if stands == value), value)
        # An async function is a step, as it is in Python; a plain one picks among steps.
        return value.__name__ if inspect.iscoroutinefunction(value) else name_of(value)

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 1}

    def holds(self, value: object) -> bool:
        return isinstance(value, str) or callable(value)


def refuse_unknown(node: Table, known: Iterable[str], source: Source, what: str) -> None:
    """Refuse the first key that is none.

    Raises:
        BlueprintUnreadable: With the key that was probably meant.
    """
    names = list(known)
    for key, _ in node.pairs:
        if key.value not in names:
            mend = did_you_mean(key.value, names)
            source.refuse(
                key.at, f"{what} has no {key.value!r}", wanted=f"one of {', '.join(names)}", mend=mend
            )


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """A question after the word that was probably meant; empty where none is near."""
    close = difflib.get_close_matches(word, list(words), n=1)
    return f"Did you mean {close[0]!r}?" if close else ""


def located(make: Callable[[], T], source: Source, node: Node) -> T:
    """Do something that may be refused, and tell the refusal with the place in the file.

    Raises:
        BlueprintUnreadable: It was refused.
    """
    try:
        return make()
    except BlueprintUnreadable:
        raise
    except SwitchboardError as error:
        at = f" ({error.where})" if error.where else ""
        source.refuse(node.at, f"{error.problem}{at}", wanted=error.wanted, came=error.came, mend=error.mend)
    except (TypeError, ValueError) as error:
        source.refuse(node.at, str(error).rstrip("."))


def came(node: Node) -> str:
    """What stands somewhere, in words."""
    if isinstance(node, Text):
        return "nothing" if node.is_nothing else node.value[:80]
    return "a list" if isinstance(node, Items) else "a table"
