"""Fakes that stand in for the outside world: tests use these, and never patch.

Nothing that an optional extra brings is imported here.
"""

from langgraph_switchboard.testing.fake_clock import FakeClock
from langgraph_switchboard.testing.langsmith_stub import LangSmithStub, TracedRun
from langgraph_switchboard.testing.openai_stub import FAULTS, OpenAIStub
from langgraph_switchboard.testing.scripted_model import ScriptedModel

__all__ = ["FAULTS", "FakeClock", "LangSmithStub", "OpenAIStub", "ScriptedModel", "TracedRun"]
