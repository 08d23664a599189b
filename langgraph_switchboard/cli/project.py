"""The project that a command works on: its flows, from options or from pyproject.toml."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langgraph_switchboard.errors import ConfigurationError

FLOWS_SETTING = "SWITCHBOARD_FLOWS"


def project_settings(folder: Path | None = None) -> Mapping[str, Any]:
    """The table `[tool.switchboard]` of the project's pyproject.toml; empty where there is none.

    Raises:
        ConfigurationError: The file cannot be read as TOML.
    """
    path = (folder or Path.cwd()) / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("switchboard", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError("pyproject.toml cannot be read", where=str(path), came=str(error)) from None
    return table if isinstance(table, dict) else {}


def flow_references(named: str | None = None) -> list[str]:
    """The flows of this project as "module:name": the option, the setting, or pyproject.toml.

    Raises:
        ConfigurationError: Nobody names one.
    """
    import_from_here()
    if named:
        return [named]
    setting = os.environ.get(FLOWS_SETTING, "")
    flows = [one.strip() for one in setting.split(",") if one.strip()] or project_settings().get("flows", [])
    if not flows:
        raise ConfigurationError(
            "no flow is named",
            wanted="--flow module:name, such as graphs.support_desk:desk",
            mend="Or write flows = ['module:name'] under [tool.switchboard] in pyproject.toml, "
            f"or set {FLOWS_SETTING}.",
        )
    return [str(one) for one in flows]


def only_flow(named: str | None = None) -> str:
    """The one flow that a command is about.

    Raises:
        ConfigurationError: None, or several, are named.
    """
    flows = flow_references(named)
    if len(flows) > 1:
        raise ConfigurationError(
            "several flows are named", came=", ".join(flows), mend="Choose one with --flow."
        )
    return flows[0]


def import_from_here() -> None:
    """Let modules of the working directory be found, as `python -m` would."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
