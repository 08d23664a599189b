"""`switchboard card`: a process made legible, as Markdown and as a page."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from langgraph_switchboard.cli.project import flow_references, import_from_here
from langgraph_switchboard.cli.screen import err, say
from langgraph_switchboard.graphs import card as card_of
from langgraph_switchboard.graphs import card_html, card_markdown
from langgraph_switchboard.switchboard import load_blueprint

FOLDER = Path("docs/cards")


def card(
    references: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODULE:NAME]...", help="The blueprints; all of the project unless given."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the cards.")] = FOLDER,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 where a card is stale or missing.")
    ] = False,
) -> None:
    """Write the card of a process: the way of a case, who does what, and what happens when it fails.

    NAME.md is for a repository's own pages; NAME.html loads nothing and can be mailed or printed.
    """
    import_from_here()
    stale = []
    for reference in references or flow_references():
        for path, text in _pages(reference, output):
            if check and _kept(path) != text:
                stale.append(path)
            elif not check and _kept(path) != text:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
                say(f"written: {path}")
    if stale:
        names = " ".join(references or [])
        for path in stale:
            err.print(f"stale: {path}", markup=False, style="red", soft_wrap=True)
        say(f"Run `{' '.join(f'switchboard card {names}'.split())}`, and commit what it writes.")
        raise typer.Exit(1)


def _pages(reference: str, folder: Path) -> list[tuple[Path, str]]:
    blueprint = load_blueprint(reference)
    made = card_of(blueprint.process(), about_of(reference))
    return [
        (folder / f"{blueprint.name}.md", card_markdown(made)),
        (folder / f"{blueprint.name}.html", card_html(made)),
    ]


def about_of(reference: str) -> str:
    """What a blueprint is for: the first paragraph of its module's docstring, or of its file's remarks."""
    if reference.endswith((".yaml", ".yml")):
        lines = Path(reference).read_text(encoding="utf-8").splitlines()
        remarks = [line.lstrip("# ").rstrip() for line in lines[: _first_without_remark(lines)]]
        text = "\n".join(line for line in remarks if not line.startswith("yaml-language-server"))
    else:
        text = import_module(reference.partition(":")[0]).__doc__ or ""
    return " ".join(re.split(r"\n\s*\n", text.strip())[0].split())


def _first_without_remark(lines: list[str]) -> int:
    return next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))


def _kept(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
