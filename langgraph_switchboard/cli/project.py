"""What a command works on, and for whom: the project's flows, and the name of who gives it."""

from __future__ import annotations

import difflib
import getpass
import os
import sys
from pathlib import Path

from langgraph_switchboard.errors import ConfigurationError, InputRefused
from langgraph_switchboard.graphs import Blueprint
from langgraph_switchboard.settings import project_settings
from langgraph_switchboard.switchboard import load_blueprint

FLOWS_SETTING = "SWITCHBOARD_FLOWS"


def flow_references(named: str | None = None) -> list[str]:
    """The flows of this project as "module:name": the option, the setting, or pyproject.toml.

    Raises:
        ConfigurationError: Nobody names one.
    """
    import_from_here()
    if named:
        return [named]
    flows = _own_flows()
    if not flows:
        raise ConfigurationError(
            "no flow is named",
            wanted="--flow module:name, such as graphs.support_desk:desk",
            mend="Or write flows = ['module:name'] under [tool.switchboard] in pyproject.toml, "
            f"or set {FLOWS_SETTING}.",
        )
    return flows


def named_flow(named: str | None = None) -> Blueprint:
    """The blueprint that a command is about: the named one, or the only one of the project.

    Raises:
        ConfigurationError: There is none of that name, or several to choose from; says which is meant.
        BlueprintError: The blueprint cannot be made.
    """
    reference = only_flow(named)
    try:
        return load_blueprint(reference)
    except ConfigurationError as error:
        close = difflib.get_close_matches(reference, _own_flows(), n=1, cutoff=0.3)
        if "Did you mean" in error.mend or not close or close[0] == reference:
            raise
        raise ConfigurationError(
            error.problem,
            where=error.where,
            wanted=error.wanted,
            came=error.came,
            mend=f"Did you mean {close[0]}? {error.mend}".strip(),
        ) from None


def only_flow(named: str | None = None) -> str:
    """The one flow that a command is about: the named one, the only one, or the project's default.

    Raises:
        ConfigurationError: None, or several, are named.
    """
    flows = flow_references(named)
    usual = project_settings().get("default")
    if len(flows) > 1 and usual in flows and not os.environ.get(FLOWS_SETTING):
        return str(usual)
    if len(flows) > 1:
        raise ConfigurationError(
            "several flows are named", came=", ".join(flows), mend="Choose one with --flow."
        )
    return flows[0]


def _own_flows() -> list[str]:
    setting = os.environ.get(FLOWS_SETTING, "")
    flows = [one.strip() for one in setting.split(",") if one.strip()] or project_settings().get("flows", [])
    if not isinstance(flows, list):
        raise ConfigurationError(
            "flows is no list", where="pyproject.toml, [tool.switchboard]", wanted="flows = ['module:name']"
        )
    return [str(one) for one in flows]


def import_from_here() -> None:
    """Let modules of the working directory be found, as `python -m` would."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def login_name() -> str:
    """Who gives the command, by the name that the operating system knows.

    Raises:
        InputRefused: It knows none, as in a container under a bare user number.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise InputRefused("nobody knows who you are", mend="Say it: --by NAME.") from None
