"""The statistics: what waits, what was decided, how fast, and how much of it was right as it was."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from langgraph_switchboard.cases import Figures
from langgraph_switchboard.serve.pages.showing import said_text
from langgraph_switchboard.serve.pages.templates import page, page_route
from langgraph_switchboard.serve.requests import switchboard_of

_DAYS = (1, 7, 30, 90)


async def figures(request: Request) -> Response:
    """Figures of the last days."""
    switchboard = switchboard_of(request)
    store, now = switchboard.services.store, switchboard.services.clock()
    said = said_text(request, "days")
    days = int(said) if said.isascii() and said.isdigit() and int(said) in _DAYS else 7
    found = await store.figures(now - timedelta(days=days))
    waiting = await store.inbox_counts(now)
    groups: dict[str, list[int]] = {}
    for one in waiting:
        total = groups.setdefault(one.owner or one.flow, [0, 0])
        total[0] += one.waiting
        total[1] += one.overdue
    return page(
        request,
        "figures.html",
        now=now,
        days=days,
        choices=_DAYS,
        all=next((one for one in found if one.by == "all"), Figures("all", "", 0)),
        agents=[one for one in found if one.by == "agent"],
        kinds=[one for one in found if one.by == "kind"],
        groups=sorted(groups.items(), key=lambda one: -one[1][0]),
        waiting=sum(one.waiting for one in waiting),
        overdue=sum(one.overdue for one in waiting),
        oldest=min((one.oldest for one in waiting), default=None),
    )


routes = [page_route("/figures", figures)]
