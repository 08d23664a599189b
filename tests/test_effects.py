"""Effects: once in our database, at least once under one key outside, and a person where nobody knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from langgraph.types import Command

from langgraph_switchboard import Blueprint, CaseState, Contract, Decision, StepContext, Switchboard
from langgraph_switchboard.contracts import seal
from langgraph_switchboard.errors import DecisionMalformed
from langgraph_switchboard.postgres import Pool


class Claim(Contract):
    """What somebody is owed."""

    amount: int


class Paid(Contract):
    """That it was paid."""

    receipt: str


class Payout(Contract):
    """What we mean to pay."""

    amount: int


class PayoutDecision(Decision):
    """What a person says about it."""

    edited: Payout | None = None


class ClaimCase(CaseState):
    """One claim."""

    claim: Claim
    payout: Payout | None = None
    payout_decision: PayoutDecision | None = None
    paid: Paid | None = None


class Killed(BaseException):
    """As good as a kill: no handler of the library catches it."""


class Bank:
    """The outside world: it pays, and may fail to answer."""

    def __init__(self) -> None:
        self.payments: list[str] = []
        self.lines_down = 0

    async def pay(self, key: str) -> str:
        self.payments.append(key)
        if self.lines_down:
            self.lines_down -= 1
            raise Killed  # the process dies after the call and before the record
        return f"receipt-{len(self.payments)}"


def flow_of(pay: Any, **options: Any) -> Blueprint:
    flow = Blueprint("claims", case=ClaimCase, owner="finance")
    flow.effect(pay, name="pay", **options)
    return flow


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
async def switchboard(request: pytest.FixtureRequest) -> AsyncIterator[Switchboard]:
    dsn = "memory" if request.param == "memory" else request.getfixturevalue("pg_dsn")
    async with Switchboard.open(dsn) as one:
        yield one


def paying(bank: Bank, *, idempotent: bool = False) -> Blueprint:
    async def pay(claim: Claim, ctx: StepContext) -> Paid:
        """Pay by the bank."""
        receipt = await ctx.external("payout", bank.pay, args={"amount": claim.amount}, idempotent=idempotent)
        return Paid(receipt=receipt or "by hand")

    return flow_of(pay)


async def die_once(switchboard: Switchboard, flow: Blueprint, bank: Bank) -> None:
    bank.lines_down = 1
    await switchboard.start(flow, Claim(amount=5), case_id="c-1")
    with pytest.raises(Killed):
        await switchboard.resume("c-1")
    assert bank.payments == ["c-1/payout"]


async def test_an_outside_effect_that_answers_is_done_once(switchboard: Switchboard) -> None:
    """A call that was made and recorded is not made again."""
    bank = Bank()
    case = await switchboard.run(paying(bank), Claim(amount=5), case_id="c-1")
    assert (case.status, bank.payments) == ("finished", ["c-1/payout"])


async def test_an_idempotent_effect_in_doubt_is_tried_again(
    switchboard: Switchboard,
) -> None:
    """At least once, under one key: the other side sees the same key twice."""
    bank = Bank()
    flow = paying(bank, idempotent=True)
    await die_once(switchboard, flow, bank)
    case = await switchboard.resume("c-1")
    assert (case.status, bank.payments) == ("finished", ["c-1/payout", "c-1/payout"])


@pytest.mark.parametrize(
    ("answer", "payments", "receipt"), [("approve", 1, "by hand"), ("reject", 2, "receipt-2")]
)
async def test_an_effect_in_doubt_asks_a_person(
    switchboard: Switchboard, answer: str, payments: int, receipt: str
) -> None:
    """Nobody knows whether it happened: it waits; approve says that it did, reject does it now."""
    bank = Bank()
    await die_once(switchboard, paying(bank), bank)
    assert (await switchboard.resume("c-1")).status == "waiting"
    [review] = await switchboard.reviews()
    assert "payout" in review.reason
    with pytest.raises(DecisionMalformed):
        await switchboard.decide(review.review_id, {"type": "respond", "message": "hm"}, by="anna")
    assert (await switchboard.decide(review.review_id, {"type": answer}, by="anna")).status == "finished"
    assert len(bank.payments) == payments
    case = await switchboard.case("c-1")
    assert isinstance(case.state, ClaimCase)
    assert case.state.paid == Paid(receipt=receipt)


async def test_without_the_record_the_same_crash_pays_twice(switchboard: Switchboard) -> None:
    """The control: an agent that calls the bank by itself pays again when its step runs again."""
    bank = Bank()

    async def pay(claim: Claim, ctx: StepContext) -> Paid:
        """Pay without telling anybody."""
        return Paid(receipt=await bank.pay("no key"))

    flow = flow_of(pay)
    bank.lines_down = 1
    await switchboard.start(flow, Claim(amount=5), case_id="c-1")
    with pytest.raises(Killed):
        await switchboard.resume("c-1")
    assert (await switchboard.resume("c-1")).status == "finished"
    assert len(bank.payments) == 2


async def test_the_same_key_with_other_arguments_is_refused(switchboard: Switchboard) -> None:
    """A key names one thing that is done; asking for another under it takes the ladder."""
    bank = Bank()

    async def pay(claim: Claim, ctx: StepContext) -> Paid:
        """Pay twice under one key."""
        await ctx.external("payout", bank.pay, args={"amount": 1})
        return Paid(receipt=await ctx.external("payout", bank.pay, args={"amount": 2}))

    case = await switchboard.run(flow_of(pay), Claim(amount=5))
    assert (case.status, len(bank.payments)) == ("dead_lettered", 1)


@pytest.mark.pg
async def test_an_effect_in_our_database_is_one_with_its_record(pg_dsn: str, pg_pool: Pool) -> None:
    """Law 3: a crash after the work and before the commit leaves neither; the next run does it once."""
    crash = [True]

    async def pay(claim: Claim, ctx: StepContext) -> Paid:
        """Pay from our own table."""

        async def book(connection: Any) -> int:
            await connection.execute("insert into payments values (%s)", [claim.amount])
            if crash and crash.pop():
                raise Killed
            return claim.amount

        amount = await ctx.effect("payout", book, args={"amount": claim.amount})
        return Paid(receipt=f"paid {amount}")

    async with pg_pool.connection() as connection:
        await connection.execute("create table public.payments (amount int)")
    async with Switchboard.open(pg_dsn) as switchboard:
        await switchboard.start(flow_of(pay), Claim(amount=5), case_id="c-1")
        with pytest.raises(Killed):
            await switchboard.resume("c-1")
        assert (await switchboard.resume("c-1")).status == "finished"
    async with pg_pool.connection() as connection:
        rows = await (await connection.execute("select amount from payments")).fetchall()
        same = await (
            await connection.execute("select p.xmin = e.xmin as same from payments p, switchboard.effects e")
        ).fetchone()
    assert [row["amount"] for row in rows] == [5]
    assert same == {"same": True}


@pytest.mark.pg
async def test_an_effect_of_a_superseded_owner_is_undone(pg_dsn: str, pg_pool: Pool) -> None:
    """Law 5: ownership is looked at last, in the effect's own transaction."""

    async def pay(claim: Claim, ctx: StepContext) -> Paid:
        """Pay while somebody takes the case over."""

        async def book(connection: Any) -> int:
            await connection.execute("insert into payments values (%s)", [claim.amount])
            async with pg_pool.connection() as other:
                await other.execute("update switchboard.case_owner set epoch = epoch + 1")
            return claim.amount

        return Paid(receipt=str(await ctx.effect("payout", book)))

    async with pg_pool.connection() as connection:
        await connection.execute("create table public.payments (amount int)")
    async with Switchboard.open(pg_dsn) as switchboard:
        await switchboard.start(flow_of(pay), Claim(amount=5), case_id="c-1")
        with pytest.raises(Exception, match="owns the case"):
            await switchboard.resume("c-1")
    async with pg_pool.connection() as connection:
        row = await (await connection.execute("select count(*) as n from payments")).fetchone()
    assert row == {"n": 0}


async def propose(claim: Claim, ctx: StepContext) -> Payout:
    """Say what to pay."""
    return Payout(amount=claim.amount)


async def test_a_high_risk_effect_looks_for_the_decision_itself(switchboard: Switchboard) -> None:
    """Dominance is enforced: state forged past the review does not make the effect act."""

    async def pay(payout: Payout, ctx: StepContext) -> Paid:
        """Pay by the outbox."""
        return Paid(receipt=ctx.outbox("payout", {"amount": payout.amount}))

    flow = Blueprint("claims", case=ClaimCase, owner="finance")
    flow.step(propose, then="review")
    flow.review("review", of="payout", decides=PayoutDecision, then="pay")
    flow.effect(pay, approved="review")
    await switchboard.run(flow, Claim(amount=5), case_id="honest")
    await switchboard.run(flow, Claim(amount=5), case_id="forged")
    for review in await switchboard.reviews():
        await switchboard.services.store.decide(
            review.review_id, version=1, digest=review.digest,
            decision={"type": "approve"}, by="anna", at=switchboard.services.clock(),
        )  # fmt: skip
    graph = switchboard.flow("claims").graph
    config: Any = {"configurable": {"thread_id": "forged"}}
    forged = seal({"amount": 5_000_000}, Payout, by="propose")
    await graph.ainvoke(Command(goto="pay", update={"payout": forged}), config, durability="sync")
    await switchboard.resume("honest")
    rows = {row.case_id: row.row for row in await switchboard.services.store.outbox()}
    assert rows == {"honest": {"amount": 5}}
