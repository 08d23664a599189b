"""The screen: results on standard output, everything else on standard error."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

T = TypeVar("T")

out = Console()
"""Results: what a program or a pipe wants."""
err = Console(stderr=True)
"""What a person wants to know meanwhile."""


def listing(*names: str, prose: str) -> Table:
    """An empty table for people, without lines that hinder copying.

    Args:
        *names: Its columns.
        prose: The one column that is wrapped where the screen is narrow; ids never are.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in names:
        table.add_column(name, no_wrap=name != prose, overflow="fold")
    return table


def say(line: str) -> None:
    """One line for people, kept away from results."""
    err.print(line, markup=False, highlight=False, soft_wrap=True, style="dim")


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """A result for programs; what JSON does not know, such as a moment, becomes text.

    Args:
        value: What is told.
        indent: Spaces per level; None puts all on one line.
    """
    out.print(json.dumps(value, default=str, indent=indent), soft_wrap=True, highlight=False, markup=False)


def program() -> str:
    """How this command can be called from here: by name where it is on the path, else by its file."""
    if shutil.which("switchboard"):
        return "switchboard"
    return os.path.relpath(sys.argv[0])


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work on an event loop of its own.

    Raises:
        typer.Exit: Somebody pressed Ctrl-C; 130, as shells have it.
    """
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        err.print(
            f"stopped; nothing is lost: run the same command again, or `{program()} resume`.", style="yellow"
        )
        raise typer.Exit(130) from None
