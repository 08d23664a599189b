"""Fakes that stand in for the outside world: tests use these, and never patch.

Nothing that an optional extra brings is imported here, and nothing at all before it is
asked for: pytest loads the plugin of this package at every start.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph_switchboard.testing.fake_clock import FakeClock
    from langgraph_switchboard.testing.fault_plan import FaultPlan, Latency
    from langgraph_switchboard.testing.faulty_model_server import FaultyModelServer
    from langgraph_switchboard.testing.langsmith_stub import LangSmithStub, TracedRun
    from langgraph_switchboard.testing.model_answers import Said, call_of, facts_in
    from langgraph_switchboard.testing.model_faults import FAULTS
    from langgraph_switchboard.testing.scripted_model import ScriptedModel

_HOMES = {
    "FAULTS": "model_faults",
    "FakeClock": "fake_clock",
    "FaultPlan": "fault_plan",
    "FaultyModelServer": "faulty_model_server",
    "LangSmithStub": "langsmith_stub",
    "Latency": "fault_plan",
    "Said": "model_answers",
    "ScriptedModel": "scripted_model",
    "TracedRun": "langsmith_stub",
    "call_of": "model_answers",
    "facts_in": "model_answers",
}

__all__ = [
    "FAULTS",
    "FakeClock",
    "FaultPlan",
    "FaultyModelServer",
    "LangSmithStub",
    "Latency",
    "Said",
    "ScriptedModel",
    "TracedRun",
    "call_of",
    "facts_in",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
