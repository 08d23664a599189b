"""The inbox: who waits, on what, since when, for whom, and how risky it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from langgraph_switchboard.cases import InboxCount, InboxQuery, ReviewRow
from langgraph_switchboard.cases.access import Actor, Matter, refusal
from langgraph_switchboard.errors import InputRefused
from langgraph_switchboard.serve.api.cases import worker_of
from langgraph_switchboard.serve.api.showing import hiding, next_of, place_of
from langgraph_switchboard.serve.pages.showing import GRACE, said_text
from langgraph_switchboard.serve.pages.templates import form_route, page, page_route
from langgraph_switchboard.serve.pages.words import excerpt, for_whom, named
from langgraph_switchboard.serve.requests import actor_of, switchboard_of
from langgraph_switchboard.switchboard import Flow, Switchboard
from langgraph_switchboard.switchboard.bulk import approve_many

PAGE = 50
_FILTERS = ("flow", "kind", "risk", "group")
_KEPT = (*_FILTERS, "mine", "overdue", "q")


@dataclass(frozen=True)
class Facet:
    """One filter with its choices.

    Args:
        name: Its name in the address.
        title: What it is called.
        choices: Each value with its words, how many wait, where a click leads, and whether it is on.
    """

    name: str
    title: str
    choices: tuple[tuple[str, str, int, str, bool], ...]


@dataclass(frozen=True)
class Item:
    """One review in the list.

    Args:
        row: The review.
        title: The beginning of what came in.
        whom: For whom somebody waits.
        may_tick: It may be approved in bulk by who looks.
    """

    row: ReviewRow
    title: str
    whom: str
    may_tick: bool


async def inbox(request: Request) -> Response:
    """The reviews that wait, the longest first."""
    switchboard, actor = switchboard_of(request), actor_of(request)
    store, now = switchboard.services.store, switchboard.services.clock()
    said = {name: said_text(request, name) for name in _KEPT if said_text(request, name)}
    query = _query(said, actor, now, place_of(request.query_params.get("after")))
    rows = await store.inbox(query)
    counts = await store.inbox_counts(now)
    hide = hiding(request)
    items = [_item(row, switchboard.flows.get(row.flow), actor, hide) for row in rows]
    after = next_of(rows, PAGE, lambda row: (row.opened_at, row.review_id))
    return page(
        request,
        "inbox.html",
        items=items,
        now=now,
        said=said,
        facets=_facets(counts, said),
        waiting=sum(one.waiting for one in counts),
        overdue=sum(one.overdue for one in counts),
        next_page=f"/?{urlencode({**said, 'after': after})}" if after else "",
        is_first="after" not in request.query_params,
        toggled={name: _with(said, name, "" if said.get(name) else "1") for name in ("mine", "overdue")},
        may_decide=actor.may("decide"),
        done=await _done(request, switchboard),
        approved=int(approved) if (approved := said_text(request, "approved")).isdecimal() else None,
        refused=await _rows(switchboard, request.query_params.getlist("refused")[:20]),
    )


async def approve_ticked(request: Request) -> Response:
    """Approve those that are ticked: of one kind, none of high risk; each is decided by itself."""
    form = await request.form()
    ids = [str(one) for one in form.getlist("review") if str(one).isprintable()][:200]
    if not ids:
        raise InputRefused("nothing is ticked", mend="Tick the reviews that are to be approved.")
    switchboard = switchboard_of(request)
    outcomes = await approve_many(switchboard, ids, by=actor_of(request), undo=GRACE)
    refused = [f"{review_id}: {error.problem}" for review_id, error in outcomes.items() if error]
    rows = [await switchboard.services.store.review(one) for one, error in outcomes.items() if not error]
    await worker_of(request).take(*(row.case_id for row in rows if row and row.status == "decided"))
    done = str(len(outcomes) - len(refused))
    return RedirectResponse(
        f"/?{urlencode([('approved', done), *(('told', one) for one in refused[:20])])}", 303
    )


def fit_for_bulk(row: ReviewRow) -> bool:
    """Whether a review may be approved together with others."""
    has_draft = row.shown.get(row.subject) is not None
    return row.status == "open" and row.risk != "high" and has_draft and not row.proposed


def _query(
    said: Mapping[str, str], actor: Actor, now: datetime, after: tuple[datetime, str] | None
) -> InboxQuery:
    return InboxQuery(
        flow=said.get("flow"),
        kind=said.get("kind"),
        risk=said.get("risk"),
        owner=said.get("group"),
        assigned_to=actor.name if said.get("mine") else None,
        overdue_at=now if said.get("overdue") else None,
        words=said.get("q", ""),
        after=after,
        limit=PAGE,
    )


def _item(row: ReviewRow, flow: Flow | None, actor: Actor, hide: Callable[[object], object]) -> Item:
    matter = Matter(row.flow, row.kind or row.step, row.risk, row.amount)
    may = fit_for_bulk(row) and refusal(actor, matter) is None
    title, whom = (
        hide(excerpt(row.shown, flow.process.flow().inputs if flow else ())),
        hide(for_whom(row.shown)),
    )
    return Item(row, str(title), str(whom), may)


def _facets(counts: Sequence[InboxCount], said: Mapping[str, str]) -> list[Facet]:
    facets = []
    for name in _FILTERS:
        found: Counter[str] = Counter()
        for one in counts:
            found[getattr(one, "owner" if name == "group" else name)] += one.waiting
        if len([value for value in found if value]) < 2 and name not in said:
            continue  # a filter with one choice filters nothing
        chosen = said.get(name, "")
        found.setdefault(chosen, 0)
        choices = tuple(
            (
                value,
                named(value),
                number,
                _with(said, name, "" if value == chosen else value),
                value == chosen,
            )
            for value, number in sorted(found.items(), key=_order)
            if value
        )
        facets.append(Facet(name, name.capitalize(), choices))
    return facets


def _order(counted: tuple[str, int]) -> tuple[int, int, str]:
    risks = {"high": 0, "medium": 1, "low": 2}
    return risks.get(counted[0], 3), -counted[1], counted[0]


def _with(said: Mapping[str, str], name: str, value: str) -> str:
    """The address of the list with one filter changed."""
    kept = {**said, name: value}
    return "/?" + urlencode({key: one for key, one in kept.items() if one})


async def _rows(switchboard: Switchboard, review_ids: Sequence[str]) -> list[ReviewRow]:
    found = [await switchboard.services.store.review(one) for one in review_ids if one.isprintable()]
    return [row for row in found if row is not None]


async def _done(request: Request, switchboard: Switchboard) -> ReviewRow | None:
    """The review that this person has just decided, to say so and offer to take it back."""
    review_id = said_text(request, "done")
    return await switchboard.services.store.review(review_id) if review_id else None


routes = [page_route("/", inbox), form_route("/", approve_ticked)]
