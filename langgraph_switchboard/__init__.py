"""langgraph-switchboard: multi-agent systems that work in production.

    contracts -> agents (plain async functions) -> a blueprint -> a switchboard that runs it

Everything a user writes against is here; the modules beneath are for reading.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph_switchboard.contracts import CaseState, Contract, Decision
    from langgraph_switchboard.errors import SwitchboardError
    from langgraph_switchboard.graphs import Blueprint
    from langgraph_switchboard.nodes import END, JOIN, StepContext
    from langgraph_switchboard.switchboard import CaseView, NewCase, Switchboard

# Names are looked up when they are asked for, so that a contract, which imports
# `langgraph_switchboard.contracts`, loads pydantic and nothing heavier.
_HOMES = {
    "END": "nodes",
    "JOIN": "nodes",
    "Blueprint": "graphs",
    "CaseState": "contracts",
    "CaseView": "switchboard",
    "Contract": "contracts",
    "Decision": "contracts",
    "NewCase": "switchboard",
    "StepContext": "nodes",
    "Switchboard": "switchboard",
    "SwitchboardError": "errors",
}

__all__ = [
    "END",
    "JOIN",
    "Blueprint",
    "CaseState",
    "CaseView",
    "Contract",
    "Decision",
    "NewCase",
    "StepContext",
    "Switchboard",
    "SwitchboardError",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
