"""Graphs: the blueprint, its check, and its build into a `StateGraph`."""

from langgraph_switchboard.graphs.blueprint import Blueprint
from langgraph_switchboard.graphs.check import Finding, check
from langgraph_switchboard.graphs.process import Process

__all__ = ["Blueprint", "Finding", "Process", "check"]
