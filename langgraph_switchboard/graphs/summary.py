"""Summary: what a blueprint needs and gives, for the one that includes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from langgraph_switchboard.graphs.assignment import Arc, Fields, certain_fields
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.graphs.view import ProcessView, node_of
from langgraph_switchboard.nodes import DECLINED, END, FINISHED, OPEN, Way

_DECLINES: frozenset[Way] = frozenset({"rejected", "expired", "declined"})


@dataclass(frozen=True, slots=True)
class Summary:
    """What is to be known of a process from outside.

    Args:
        needs: The fields that it is given.
        exits: Each way in which it can end, with the fields that are certainly written then.
        writes: The fields that some step of it writes.
    """

    needs: Fields
    exits: Mapping[str, Fields]
    writes: Fields


def summary_of(process: Process) -> Summary:
    """Sum a process up: a definite assignment over its own ways, at each of its ends."""
    view = ProcessView(process)
    ends = [
        Arc(node_of(step, edge), exit_of(edge.way), edge.writes)
        for step in view.declared
        for edge in step.edges
        if edge.to == END
    ]
    certain = certain_fields([*view.arcs, *ends], OPEN)
    exits = {name: certain[name] for name in (FINISHED, DECLINED) if name in certain}
    return Summary(process.inputs, exits, process.regions.written(None))


def exit_of(way: Way) -> str:
    """How a case ends that leaves by this way."""
    return DECLINED if way in _DECLINES else FINISHED
