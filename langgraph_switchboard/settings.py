"""Settings of a project: what its pyproject.toml says under `[tool.switchboard]`."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langgraph_switchboard.errors import ConfigurationError


def project_settings(folder: Path | None = None) -> Mapping[str, Any]:
    """The table `[tool.switchboard]` of the project's pyproject.toml; empty where there is none.

    Args:
        folder: The project; the working directory unless given.

    Raises:
        ConfigurationError: The file cannot be read as TOML.
    """
    path = (folder or Path.cwd()) / "pyproject.toml"
    if not path.is_file():
        return {}
    table = read_toml(path).get("tool", {}).get("switchboard", {})
    return table if isinstance(table, dict) else {}


def table_of(name: str, variable: str) -> tuple[dict[str, dict[str, Any]], str]:
    """A table of tables, from the file that a variable names, else from the project's settings.

    Args:
        name: Its name under `[tool.switchboard]`.
        variable: The environment variable; the whole file that it names is the table.

    Returns:
        The table, and where it was found, for messages.

    Raises:
        ConfigurationError: The file is not there or no TOML, or what was found is no table of tables.
    """
    named = os.environ.get(variable, "").strip()
    where = named or f"pyproject.toml, [tool.switchboard.{name}]"
    found = read_toml(Path(named)) if named else project_settings().get(name, {})
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise ConfigurationError("this is no table of tables", where=where, wanted='"name" = { ... }')
    return found, where


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file holds.

    Raises:
        ConfigurationError: It is not there, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name} cannot be read", where=str(path), came=str(error)) from None
