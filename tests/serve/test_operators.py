"""What operators do: redrive, discard, cancel; and what they may not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from langgraph_switchboard import END, Blueprint
from langgraph_switchboard.cases.access import Actor, Role
from langgraph_switchboard.errors import CaseBusy, CaseError, InputRefused, NotAllowed, ReviewError
from tests.seam import ORDER, Order, Payment, PaymentCase, pay
from tests.serve.served import Rig, payments, serving
from tests.serve.test_api import code, come_to

APPROVE = {"type": "approve"}


def operator(name: str = "otto", role: Role = "operator") -> Actor:
    return Actor(name, frozenset({role}))


class Broken:
    """A step that fails until somebody mends it."""

    def __init__(self) -> None:
        self.is_mended = False

    def flow(self) -> Blueprint:
        async def propose(order: Order) -> Payment:
            if not self.is_mended:
                raise RuntimeError("no paper")
            return Payment(amount=20.0)

        flow = Blueprint("broken", case=PaymentCase, owner="accounts")
        flow.step(propose, name="propose", then="pay")
        flow.effect(pay, then=END)
        return flow


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """A served switchboard with a flow that waits, one that needs two people, and one that is broken."""
    dsn = "memory" if request.param == "memory" else request.getfixturevalue("pg_dsn")
    request.node.broken = broken = Broken()
    async with serving(dsn, flows=[payments(), payments("two", people=2), broken.flow()]) as one:
        yield one


@pytest.mark.parametrize("flow", ["payments", "two"])
async def test_a_case_that_is_cancelled_is_declined_and_asks_no_more(rig: Rig, flow: str) -> None:
    """Nothing is sent, nothing approved; the reason and the operator are in its story; again is the same."""
    review = await rig.case("c1", flow)
    otto, ann = rig.client(await rig.key("otto", "operator")), rig.client(await rig.key("ann", "reviewer"))
    done = await otto.post("/api/cases/c1/cancel", json={"why": "ordered twice"})
    assert done.status_code == 200, done.text
    case = done.json()
    assert (case["status"], case["reason"]) == ("declined", "cancelled by otto: ordered twice")
    assert (await otto.post("/api/cases/c1/cancel", json={"why": "ordered twice"})).json() == case
    assert code(await otto.post("/api/cases/c1/cancel", json={"why": "for fun"})) == (409, "case_error")
    late = await ann.post(f"/api/reviews/{review}/decide", json={"decision": APPROVE})
    assert late.status_code == 409
    assert (await ann.get("/api/reviews")).json()["items"] == []
    view = await rig.switchboard.case("c1")
    assert await rig.switchboard.services.store.outbox("c1") == []
    assert any("otto" in str(entry.event.data) for entry in view.story if entry.event.kind == "operated")
    assert (await rig.switchboard.resume("c1")).status == "declined"


async def test_a_case_that_was_never_driven_can_be_cancelled(rig: Rig) -> None:
    """Accepted is accepted: it ends, it does not vanish."""
    await rig.switchboard.start("payments", ORDER, case_id="c1")
    row = await rig.switchboard.cancel("c1", by=operator(), why="no longer wanted")
    assert row.status == "declined"
    assert (await rig.switchboard.resume("c1")).status == "declined"


async def test_who_is_no_operator_cancels_nothing(rig: Rig) -> None:
    """Reviewers decline by deciding; a reason is always given; what is over stays as it ended."""
    review = await rig.case()
    roles: tuple[Role, ...] = ("viewer", "reviewer", "auditor", "admin")
    for role in roles:
        with pytest.raises(NotAllowed, match="may not cancel"):
            await rig.switchboard.cancel("c1", by=operator("somebody", role), why="because")
    with pytest.raises(InputRefused, match="for a reason"):
        await rig.switchboard.cancel("c1", by=operator(), why="  ")
    async with rig.switchboard.house.owners.owning("c1"):
        with pytest.raises(CaseBusy):
            await rig.switchboard.cancel("c1", by=operator(), why="in vain")
    await rig.switchboard.decide(review, APPROVE, by="ann")
    with pytest.raises(CaseError, match="is over"):
        await rig.switchboard.cancel("c1", by=operator(), why="too late")
    with pytest.raises(ReviewError):
        await rig.switchboard.decide(review, APPROVE, by="bob")


async def test_dead_letters_are_listed_redriven_and_discarded(
    rig: Rig, request: pytest.FixtureRequest
) -> None:
    """From the step that failed, once it is mended; or let be, for a reason; by operators only."""
    otto, ann = rig.client(await rig.key("otto", "operator")), rig.client(await rig.key("ann", "reviewer"))
    for case_id in ("b1", "b2"):
        await otto.post("/api/cases", json={"flow": "broken", "inputs": ORDER, "case_id": case_id})
        await come_to(rig, case_id, "dead_lettered")
    letters = (await ann.get("/api/dead-letters")).json()["items"]
    first, second = (one["letter_id"] for one in sorted(letters, key=lambda one: str(one["case_id"])))
    path = "/api/dead-letters"
    assert code(await ann.post(f"{path}/{first}/redrive", json={})) == (403, "not_allowed")
    assert code(await ann.post(f"{path}/{second}/discard", json={"why": "x"})) == (403, "not_allowed")
    request.node.broken.is_mended = True
    assert (await otto.post(f"{path}/{first}/redrive", json={})).json()["status"] == "finished"
    discarded = await otto.post(f"{path}/{second}/discard", json={"why": "of no use"})
    assert (discarded.json()["status"], discarded.json()["settled_by"]) == ("discarded", "otto")
    assert (await otto.get(path)).json()["items"] == []
    assert code(await otto.post(f"{path}/{second}/redrive", json={}))[0] == 409
    assert code(await otto.post(f"{path}/none/redrive", json={}))[0] == 404
