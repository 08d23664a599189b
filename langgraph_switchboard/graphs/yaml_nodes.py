"""The text of a YAML file as nodes, each with its place; what a blueprint needs of YAML, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from langgraph_switchboard.errors import BlueprintUnreadable

BIGGEST = 256 * 1024
"""Bytes that a file may have."""
DEEPEST = 16
"""Levels that may be nested."""
ENDINGS = (".yaml", ".yml")
"""How the names of such files end."""


@dataclass(frozen=True, slots=True)
class At:
    """A place in a file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar, as it is written; what it means depends on what is wanted there."""

    at: At
    value: str
    is_plain: bool

    @property
    def is_nothing(self) -> bool:
        """It says that there is nothing."""
        return self.is_plain and self.value in ("", "~", "null")


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    at: At
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; its keys are scalars, and no two are the same."""

    at: At
    pairs: tuple[tuple[Text, Node], ...]

    def get(self, key: str) -> Node | None:
        """What stands under a key."""
        return next((node for name, node in self.pairs if name.value == key), None)


Node = Text | Items | Table


@dataclass(frozen=True, slots=True)
class Source:
    """Where nodes came from.

    Args:
        name: The file, for errors.
        text: What it holds.
        folder: Where files that it names are looked for.
        load: Makes a blueprint of such a file.
        within: The files that this one is included by.
    """

    name: str
    text: str
    folder: Path
    load: Callable[[Source], Any]
    within: tuple[Path, ...] = ()

    def beside(self, node: Text) -> Any:
        """The blueprint of a file that this one names.

        Raises:
            BlueprintUnreadable: There is no such file, or it includes this one.
        """
        path = (self.folder / node.value).resolve()
        if path in self.within:
            self.refuse(node.at, f"{node.value} includes itself", mend="Leave it out here.")
        if not path.is_file():
            self.refuse(node.at, f"there is no file {node.value!r} beside this one")
        found = self.load(source_of(Path(self.folder / node.value), self.load, self.within))
        found.called = node.value
        return found

    def where(self, at: At) -> str:
        """A place as people and editors write it: `graphs/claims.yaml:12:5`."""
        return f"{self.name}:{at.line}:{at.column}"

    def refuse(self, at: At, problem: str, *, wanted: str = "", came: str = "", mend: str = "") -> NoReturn:
        """Say what is wrong, and where.

        Raises:
            BlueprintUnreadable: Always.
        """
        raise BlueprintUnreadable(
            problem, file=self.name, line=at.line, column=at.column, wanted=wanted, came=came, mend=mend
        )


def source_of(given: Path | str, load: Callable[[Source], Any], within: tuple[Path, ...] = ()) -> Source:
    """A file by its path, or text that has more than one line.

    Args:
        given: The path or the text.
        load: Makes a blueprint of a file that this one names.
        within: The files that it is included by.

    Raises:
        BlueprintUnreadable: There is no such file, or it is too big, or no UTF-8.
    """
    if isinstance(given, str) and "\n" in given:
        source = Source("<text>", given, Path.cwd(), load)
        size = len(given.encode(errors="replace"))
    else:
        path = Path(given)
        source = Source(str(path), "", path.parent, load)
        try:
            size = path.stat().st_size
            text = path.read_text(encoding="utf-8-sig") if size <= BIGGEST else ""
        except UnicodeDecodeError as error:
            source.refuse(At(1, 1), "the file is no UTF-8 text", came=f"byte {error.start}: {error.reason}")
        except OSError as error:
            source.refuse(At(1, 1), "the file cannot be read", came=error.strerror or type(error).__name__)
        source = Source(str(path), text, path.parent, load, (*within, path.resolve()))
    if size > BIGGEST:
        source.refuse(
            At(1, 1), "it is too big for a blueprint", wanted=f"at most {BIGGEST:,} bytes", came=f"{size:,}"
        )
    return source


def nodes_of(source: Source) -> Node:
    """Read the one document of a file.

    Anchors and aliases are refused: with them a few lines can stand for a billion. So are tags,
    which ask for types that a blueprint does not have, and a key that stands twice.

    Raises:
        BlueprintUnreadable: It is no YAML, or uses more of YAML than a blueprint needs.
    """
    try:
        return _document(source, _events(source))
    except yaml.MarkedYAMLError as error:
        source.refuse(
            _at(error.problem_mark or error.context_mark), "this is no YAML", came=error.problem or ""
        )
    except yaml.YAMLError as error:
        source.refuse(At(1, 1), "this is no YAML", came=str(error).partition("\n")[0])


def _events(source: Source) -> Iterator[yaml.Event]:
    depth = 0
    for event in yaml.parse(source.text, Loader=yaml.SafeLoader):
        at = _at(event.start_mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            source.refuse(at, "anchors and aliases are not used in a blueprint", mend="Write it out.")
        if (tag := getattr(event, "tag", None)) is not None:
            source.refuse(at, "tags are not used in a blueprint", came=str(tag), mend="Leave it out.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                source.refuse(at, "it is nested too deep", wanted=f"at most {DEEPEST} levels")
        depth -= isinstance(event, yaml.CollectionEndEvent)
        yield event


def _document(source: Source, events: Iterator[yaml.Event]) -> Node:
    root: Node | None = None
    for event in events:
        if isinstance(event, yaml.NodeEvent):
            if root is not None:
                source.refuse(
                    _at(event.start_mark), "there is a second document", wanted="one blueprint in a file"
                )
            root = _node(source, event, events)
    if root is None:
        source.refuse(At(1, 1), "there is nothing in it", wanted="a blueprint")
    return root


def _node(source: Source, event: yaml.Event, events: Iterator[yaml.Event]) -> Node:
    at = _at(event.start_mark)
    if isinstance(event, yaml.ScalarEvent):
        return Text(at, event.value, is_plain=event.style is None)
    inner: list[Node] = []
    for part in events:
        if isinstance(part, yaml.CollectionEndEvent):
            break
        inner.append(_node(source, part, events))
    if isinstance(event, yaml.SequenceStartEvent):
        return Items(at, tuple(inner))
    return _table(source, at, inner)


def _table(source: Source, at: At, inner: list[Node]) -> Table:
    first: dict[str, At] = {}
    pairs = []
    for key, node in zip(inner[::2], inner[1::2], strict=True):
        if not isinstance(key, Text):
            source.refuse(key.at, "a key is a word, not a list or a table")
        if key.value in first:
            before = first[key.value].line
            source.refuse(key.at, f"{key.value!r} stands here a second time", came=f"also in line {before}")
        first[key.value] = key.at
        pairs.append((key, node))
    return Table(at, tuple(pairs))


def _at(mark: Any) -> At:
    # The C and the Python parser have marks of their own; neither is promised to be there.
    return At(mark.line + 1, mark.column + 1) if mark else At(1, 1)
