"""Fakes that stand in for the outside world: tests use these, and never patch.

Nothing heavy is imported here; a test that needs no model and no server pays for none.
"""

from langgraph_switchboard.testing.langsmith_stub import LangSmithStub, TracedRun

__all__ = ["LangSmithStub", "TracedRun"]
