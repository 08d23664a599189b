"""Articles of a help centre: files in a folder, read once and checked.

    id: card-arrival
    title: My new card has not arrived yet
    topics: card_arrival, card_delivery_estimate
    department: account

    A new card arrives 5 to 8 working days after you ordered it. ...

The head ends at the first empty line; the rest is the text. `id` and `title` are required.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from langgraph_switchboard.errors import ConfigurationError, InputRefused

_KEYS = ("id", "title", "topics", "department")


@dataclass(frozen=True)
class Article:
    """One help article.

    Args:
        id: Its name in citations; without spaces.
        title: What it is about, as a customer would say it.
        text: Plain sentences; paragraphs are separated by an empty line.
        topics: What customers ask when this is the answer; may be empty.
        department: Who looks after it; may be empty.
    """

    id: str
    title: str
    text: str
    topics: tuple[str, ...] = ()
    department: str = ""

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything the article says, in hexadecimal."""
        said = [self.id, self.title, self.text, self.topics, self.department]
        return hashlib.sha256(json.dumps(said, ensure_ascii=True).encode()).hexdigest()


def articles_of(package: str) -> tuple[Article, ...]:
    """The articles in an application's package, such as "nodes.knowledge".

    Args:
        package: Dotted name of a folder on the path; it needs no `__init__.py`.

    Raises:
        ConfigurationError: There is no such folder.
        InputRefused: An article in it cannot be read.
    """
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        spec = None
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise ConfigurationError(
            f"there is no folder of articles named {package!r}",
            wanted="the dotted name of a package, such as 'nodes.knowledge'",
            mend="Run from the application's root, or correct the name in the blueprint.",
        )
    return load_articles(Path(places[0]))


def load_articles(folder: Path) -> tuple[Article, ...]:
    """Read every `*.md` file of a folder.

    Args:
        folder: Where the files are; folders inside it are not searched.

    Returns:
        The articles, by the names of their files.

    Raises:
        InputRefused: The folder holds no articles, or a file is empty, is not UTF-8, lacks an id, a
            title or a text, has a line in its head that is not understood, or repeats an id. The
            message names the file and the line.
    """
    files = sorted(folder.glob("*.md"), key=lambda file: file.name)
    if not files:
        raise InputRefused(
            "there are no articles here", where=str(folder), wanted="files named *.md", mend="Add one."
        )
    seen: dict[str, Path] = {}
    articles = []
    for file in files:
        article, line = _parse(_read(file), file)
        if article.id in seen:
            raise InputRefused(
                f"the id {article.id!r} is used twice",
                where=f"{file}:{line}",
                came=f"{seen[article.id]} has it too",
                mend="Give each article an id of its own; let the older one keep it.",
            )
        seen[article.id] = file
        articles.append(article)
    return tuple(articles)


def _read(file: Path) -> str:
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _refused("the file is not UTF-8", file, line, mend="Save it as UTF-8.") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise _refused("there is a NUL character, which Postgres cannot store", file, line, mend="Remove it.")
    if not text.strip():
        raise _refused("the file is empty", file, 1, mend="Write the article, or delete the file.")
    return text


def _parse(text: str, file: Path) -> tuple[Article, int]:
    """The article, and the line of its id."""
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    head: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(lines[:end], start=1):
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or key not in _KEYS or key in head:
            raise _refused(
                f"the head's line {line.strip()[:40]!r} is not understood",
                file,
                number,
                wanted=f"{', '.join(_KEYS)}, each once, as 'key: value'",
                mend="Correct it; an empty line ends the head.",
            )
        head[key] = (value, number)
    for key in ("id", "title"):
        if not head.get(key, ("", 0))[0]:
            raise _refused(
                f"the article has no {key}", file, head.get(key, ("", 1))[1], mend=f"Add '{key}: ...'."
            )
    name, line_of_id = head["id"]
    if len(name.split()) > 1:
        raise _refused(f"the id {name!r} has a space in it", file, line_of_id, mend="Use '-' instead.")
    body = "\n".join(lines[end:]).strip()
    if not body:
        raise _refused("the article has no text", file, end, mend="Write it below an empty line.")
    topics = tuple(topic.strip() for topic in head.get("topics", ("", 0))[0].split(",") if topic.strip())
    return Article(name, head["title"][0], body, topics, head.get("department", ("", 0))[0]), line_of_id


def _refused(problem: str, file: Path, line: int, *, wanted: str = "", mend: str) -> InputRefused:
    return InputRefused(problem, where=f"{file}:{line}", wanted=wanted, mend=mend, file=str(file), line=line)
