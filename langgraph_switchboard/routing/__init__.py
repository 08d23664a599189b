"""Routing: which agent takes a case, and how sure we are. Knows no graph."""

from langgraph_switchboard.routing.decision import Opinion, Route

__all__ = ["Opinion", "Route"]
