"""The target: one example runs as one case, and what came of it becomes plain outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langsmith.schemas import Example

from langgraph_switchboard.errors import InputRefused, SwitchboardError
from langgraph_switchboard.graphs import Blueprint
from langgraph_switchboard.switchboard import CaseView, Switchboard


class Target:
    """Runs each example as a case of its own; a case that breaks off is told, not raised.

    Args:
        switchboard: Where the cases run.
        flow: The flow that they go through.
        run: The id of this run; cases are called `run/number`, counted from 1.
        examples: All examples of the run.

    Raises:
        InputRefused: Two examples have the same inputs, so that nobody could tell them apart.
    """

    def __init__(
        self, switchboard: Switchboard, flow: Blueprint, run: str, examples: Sequence[Example]
    ) -> None:
        self._switchboard = switchboard
        self._flow = flow
        self._run = run
        self._numbers: dict[str, int] = {}
        for number, example in enumerate(examples, 1):
            if (before := self._numbers.setdefault(_key(example.inputs or {}), number)) != number:
                raise InputRefused(f"the examples {before} and {number} have the same inputs", where=run)

    def case_id(self, inputs: Mapping[str, Any]) -> str:
        """The id of the case that runs for these inputs."""
        return f"{self._run}/{self._numbers[_key(inputs)]:03}"

    async def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Run one example.

        Returns:
            What `outputs_of` says, or `{"case", "error"}` if the case broke off.
        """
        case_id = self.case_id(inputs)
        try:
            view = await self._switchboard.run(
                self._flow, inputs, case_id=case_id, labels={"batch": self._run}
            )
            return outputs_of(view)
        except SwitchboardError as error:
            return {"case": case_id, "error": error.record()}


def outputs_of(view: CaseView) -> dict[str, Any]:
    """What evaluators see of a case: JSON-plain, and the same for every flow.

    `status` is where it stands, `reason` why a person is asked or why it ended so, `state`
    its fields as payloads (None where not written), `path` the steps in their order,
    `routes` what each supervisor and step said: step to `{"goto", "agent", "confidence"}`,
    `outbox` whether something left, `seconds` the time in steps, `cost_usd` the sum of
    known costs.
    """
    events = [entry.event for entry in view.story]
    moves = [event for event in events if "goto" in event.data]
    told = ("goto", "agent_picked", "confidence", "way")
    return {
        "case": view.row.case_id,
        "status": view.status,
        "reason": view.row.reason,
        "state": view.state.model_dump(mode="json"),
        "path": [event.step for event in moves],
        "routes": {
            event.step: {name: event.data[name] for name in told if name in event.data} for event in moves
        },
        "failures": [event.data.get("failure") for event in events if event.kind == "step_failed"],
        "outbox": [event.data["key"] for event in events if event.kind == "effect_recorded"],
        "seconds": round(sum(event.seconds or 0.0 for event in events), 6),
        "cost_usd": sum(event.data.get("cost_usd") or 0.0 for event in events),
    }


def _key(inputs: Mapping[str, Any]) -> str:
    return json.dumps(inputs, sort_keys=True, default=str)
