"""Fakes that stand in for the outside world: tests use these, and never patch.

Nothing that an optional extra brings is imported here, and nothing at all before it is
asked for: pytest loads the plugin of this package at every start.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph_switchboard.testing.fake_clock import FakeClock
    from langgraph_switchboard.testing.langsmith_stub import LangSmithStub, TracedRun
    from langgraph_switchboard.testing.openai_stub import FAULTS, OpenAIStub
    from langgraph_switchboard.testing.scripted_model import ScriptedModel

_HOMES = {
    "FAULTS": "openai_stub",
    "FakeClock": "fake_clock",
    "LangSmithStub": "langsmith_stub",
    "OpenAIStub": "openai_stub",
    "ScriptedModel": "scripted_model",
    "TracedRun": "langsmith_stub",
}

__all__ = ["FAULTS", "FakeClock", "LangSmithStub", "OpenAIStub", "ScriptedModel", "TracedRun"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
