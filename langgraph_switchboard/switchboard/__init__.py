"""The switchboard: it owns the real things, and runs cases through flows."""

from langgraph_switchboard.switchboard.core import Switchboard
from langgraph_switchboard.switchboard.flows import Flow, load_blueprint
from langgraph_switchboard.switchboard.opening import House, open_house, served_checkpointer, served_house
from langgraph_switchboard.switchboard.views import CaseView, NewCase

__all__ = [
    "CaseView",
    "Flow",
    "House",
    "NewCase",
    "Switchboard",
    "load_blueprint",
    "open_house",
    "served_checkpointer",
    "served_house",
]
