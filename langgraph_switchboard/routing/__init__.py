"""Routing: which agent takes a case, and how sure we are. Knows no graph.

What learns lives in `routing.classifier`, `routing.training` and `routing.report`; they need
the extra `routing`, and are imported by those names.
"""

from langgraph_switchboard.routing.cascade import Cascade, Hook
from langgraph_switchboard.routing.decision import Judgement, Opinion, Route
from langgraph_switchboard.routing.rules import Rule

__all__ = ["Cascade", "Hook", "Judgement", "Opinion", "Route", "Rule"]
