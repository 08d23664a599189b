"""`switchboard schema`: what an editor needs to complete a blueprint's YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from langgraph_switchboard.cli.screen import out, say
from langgraph_switchboard.graphs import yaml_schema


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to this file, not to the screen.")
    ] = None,
) -> None:
    """Give the JSON Schema of a blueprint's YAML.

    An editor with a YAML language server completes a file that begins with the line
    `# yaml-language-server: $schema=PATH`.
    """
    text = json.dumps(yaml_schema(), indent=2) + "\n"
    if output is None:
        out.print(text, end="", soft_wrap=True, highlight=False, markup=False)
        return
    output.write_text(text, encoding="utf-8")
    say(f"written: {output}")
