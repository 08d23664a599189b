"""The feed: what happens to cases, as it happens, without what they are about."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

from langgraph_switchboard.cases.tail import Place, Tail, Told

_TOLD = frozenset(
    {"review_id", "by", "type", "code", "outcome", "goto", "agent", "owner", "confidence", "key", "attempt"}
)
"""Particulars that leave: ids, names and figures. Payloads and people's words stay; who may read them
asks for the case."""
_LOOK = 1.0
"""Seconds after which a follower looks, also where nobody woke it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events somebody wants to hear of.

    Args:
        flows: Of these flows; None means of all.
        kinds: Of these kinds.
        case_id: Of this case.
    """

    flows: frozenset[str] | None = None
    kinds: frozenset[str] | None = None
    case_id: str | None = None

    def fits(self, told: Told) -> bool:
        """Whether an event is one of them."""
        return (
            (self.flows is None or told.flow in self.flows)
            and (self.kinds is None or told.kind in self.kinds)
            and self.case_id in (None, told.case_id)
        )


def event_of(told: Told) -> dict[str, Any]:
    """An event as others hear of it: what happened, to which case, and nothing of what it is about."""
    particulars = {name: told.data[name] for name in sorted(_TOLD) if told.data.get(name) is not None}
    return {
        "id": str(told.at_place),
        "kind": told.kind,
        "case_id": told.case_id,
        "flow": told.flow,
        "step": told.step,
        "at": told.at.isoformat(),
        "data": particulars,
    }


async def follow(
    tail: Tail, after: Place, wanted: Wanted, *, is_over: Callable[[], bool], beat: float = 15.0
) -> AsyncGenerator[Told | None, None]:
    """The events after a place, and then each as it comes; None where nothing came for a while.

    Args:
        tail: The end of the ledger.
        after: The place after which to begin.
        wanted: Which of them.
        is_over: Whether to end.
        beat: Seconds of silence after which None is given.
    """
    place, silent = await tail.end(after) if after.xid else after, 0.0
    while not is_over():
        page = await tail.read(place)
        for told in page:
            place = told.at_place
            if wanted.fits(told):
                silent = 0.0
                yield told
        if page:
            continue
        await tail.news(_LOOK)
        silent += _LOOK
        if silent >= beat:
            silent = 0.0
            yield None
