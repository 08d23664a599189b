"""Named queries: SQL stays in .sql files, and the code calls it by name.

    -- name: open_reviews
    -- The reviews of a step that wait, oldest first.
    SELECT id, subject FROM switchboard.reviews WHERE step = %(step)s ORDER BY asked_at

Parameters are written `%(name)s`; a percent sign itself is `%%`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import resources

from langgraph_switchboard.errors import ConfigurationError

_HEAD = re.compile(r"--\s*name:\s*(\S+)\s*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Queries(Mapping[str, str]):
    """The queries of one file, by attribute (`queries.open_reviews`) or by key.

    Args:
        source: Where they come from, for messages.
        texts: The statement under each name.
    """

    def __init__(self, source: str, texts: Mapping[str, str]) -> None:
        self._source = source
        self._texts = dict(texts)

    def __getitem__(self, name: str) -> str:
        if name not in self._texts:
            raise ConfigurationError(
                f"no query is named {name!r}",
                where=self._source,
                wanted="one of " + ", ".join(self._texts),
                mend=f"Add it under a line '-- name: {name}', or correct the name.",
            )
        return self._texts[name]

    def __getattr__(self, name: str) -> str:
        if name.startswith("_"):  # copy and pickle ask for such names before __init__ has run
            raise AttributeError(name)
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


def load_queries(package: str, file: str = "queries.sql") -> Queries:
    """Read the named queries of a package.

    Args:
        package: Dotted name of the package that holds the file.
        file: The file's name.

    Raises:
        ConfigurationError: The file is missing, or is not made of named queries.
    """
    source = f"{package}/{file}"
    try:
        text = (resources.files(package) / file).read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError, NotADirectoryError):
        raise ConfigurationError(
            "the file is not there", where=source, mend="Check package and name."
        ) from None
    return parse_queries(text, source)


def parse_queries(text: str, source: str) -> Queries:
    """Split a file's text into its queries.

    Lines of comment are left out, because psycopg would look for parameters in them.

    Args:
        text: The text of the file.
        source: Its name, for messages.

    Raises:
        ConfigurationError: A statement stands before the first name, a name is empty, ill-formed or
            used twice, or a name has no statement.
    """
    lines: dict[str, list[str]] = {}
    name = None
    for number, line in enumerate(text.splitlines(), start=1):
        head = _HEAD.fullmatch(line.strip())
        if head:
            name = head[1]
            if not _NAME.fullmatch(name) or name in lines:
                problem = "is used twice" if name in lines else "is not in lower case, digits and _"
                raise _refused(f"the name {name!r} {problem}", source, number)
            lines[name] = []
        elif line.strip() and not line.lstrip().startswith("--"):
            if name is None:
                raise _refused("a statement stands before the first '-- name:'", source, number)
            lines[name].append(line)
    empty = next((name for name, body in lines.items() if not body), None)
    if empty is not None:
        raise _refused(f"the query {empty!r} has no statement", source, None)
    return Queries(source, {name: "\n".join(body).rstrip().rstrip(";") for name, body in lines.items()})


def _refused(problem: str, source: str, line: int | None) -> ConfigurationError:
    return ConfigurationError(problem, where=source if line is None else f"{source}, line {line}")
