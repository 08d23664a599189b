"""`switchboard new`: a project that runs, in an empty folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from langgraph_switchboard.cli.screen import out, say
from langgraph_switchboard.errors import ConfigurationError

ENDING = ".template"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


def new(
    name: Annotated[str, typer.Argument(help="What it is called; letters, digits, - and _.")],
    folder: Annotated[
        Path | None, typer.Option("--in", help="The empty folder; one of that name, here, unless given.")
    ] = None,
) -> None:
    """Lay out a project: one contract, two agents, a blueprint, an eval and a test, all of which run."""
    target = folder or Path(name)
    lay(name, target)
    say(f"laid out in {target}")
    for line in (f"cd {target}", "make demo", "make test"):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def lay(name: str, folder: Path) -> list[Path]:
    """Lay a project into an empty folder; it is made where it is not there.

    Args:
        name: What the project is called.
        folder: Where it goes.

    Returns:
        The files that were written.

    Raises:
        ConfigurationError: The name is none, or the folder is not empty.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} cannot be the name of a project",
            wanted="a letter first, then letters, digits, - and _; 64 at most",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(
            f"the folder {str(folder)!r} is not empty"
            if folder.is_dir()
            else f"{str(folder)!r} is no folder",
            mend="Name an empty one with --in; nothing was written.",
        )
    said = {"__NAME__": name, "__VERSION__": version("langgraph-switchboard")}
    return [_write(place, text, folder, said) for place, text in _templates()]


def _templates() -> Iterator[tuple[str, str]]:
    """Each file of the template, by its place in the project."""
    waiting: list[tuple[str, Traversable]] = [("", files("langgraph_switchboard.cli").joinpath("template"))]
    for place, found in waiting:
        if found.is_dir():
            waiting += [
                (f"{place}/{one.name}", one) for one in sorted(found.iterdir(), key=lambda one: one.name)
            ]
        elif found.name.endswith(ENDING):
            # A name with a dot before it would be missed where packages are put together.
            yield place.removeprefix("/").removesuffix(ENDING).replace("dot-", "."), found.read_text("utf-8")


def _write(place: str, text: str, folder: Path, said: dict[str, str]) -> Path:
    for word, stands in said.items():
        text = text.replace(word, stands)
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path
