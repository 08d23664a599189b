"""Chaos: kill a process at every statement and effect, and see whether the promise holds.

    with sweeper(dsn) as chaos:
        report = chaos.sweep(Plan("desk", OF_BLUEPRINT, {"flow": "graphs.desk:desk", "inputs": {...}}))
    assert report.is_clean

A case accepted is finished, parked for a person, or set aside; an effect in our database
happens once; ledger and state agree: at every point, or the report says where not.
"""

from langgraph_switchboard.testing.chaos.flow import FlowSubject, of_blueprint
from langgraph_switchboard.testing.chaos.laws import LAWS
from langgraph_switchboard.testing.chaos.points import Point, Reaper, When, watched
from langgraph_switchboard.testing.chaos.report import Failure, Report
from langgraph_switchboard.testing.chaos.subject import Bench, Facts, Subject
from langgraph_switchboard.testing.chaos.sweep import KILLS, Plan, Sweeper, sweeper
from langgraph_switchboard.testing.chaos.world import entered, happened

OF_BLUEPRINT = "langgraph_switchboard.testing.chaos:of_blueprint"

__all__ = [
    "KILLS",
    "LAWS",
    "OF_BLUEPRINT",
    "Bench",
    "Facts",
    "Failure",
    "FlowSubject",
    "Plan",
    "Point",
    "Reaper",
    "Report",
    "Subject",
    "Sweeper",
    "When",
    "entered",
    "happened",
    "of_blueprint",
    "sweeper",
    "watched",
]
