"""The limits: one suite over both forms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from langgraph_switchboard.errors import BreakerOpen, BudgetExceeded, RateExceeded
from langgraph_switchboard.limits import Change, Sample, Spent, micros_of
from tests.limits.forms import DAY, Form, a_breaker, a_bucket, a_call, a_line, in_memory, in_postgres

GOOD, BAD = Sample(failed=False, seconds=0.1), Sample(failed=True, seconds=0.1)


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
def made(request: pytest.FixtureRequest) -> Form:
    if request.param == "memory":
        return in_memory()
    return in_postgres(request.getfixturevalue("pg_dsn"), request.getfixturevalue("pg_pool"), 7)


@pytest.fixture
async def form(made: Form) -> AsyncIterator[Form]:
    async with made.alive():
        yield made
    await made.limits.aclose()


# -- budgets -------------------------------------------------------------------------


async def test_what_is_wanted_is_held_and_what_it_cost_is_spent(form: Form) -> None:
    """Reserved before the call, settled after: the estimate goes, the cost stays."""
    line = a_line(micros=1_000, tokens=100)
    grant = await form.limits.admit(a_call(line, micros=400, tokens=30))
    row = await form.budget("case:c1")
    assert (row.spent, row.held, row.limit) == (Spent(), Spent(400, 30), (1_000, 100))

    await form.limits.settle(grant, Spent(250, 20))
    row = await form.budget("case:c1")
    assert (row.spent, row.held) == (Spent(250, 20), Spent())


@pytest.mark.parametrize(
    ("bounds", "wants", "came"),
    [
        ({"micros": 10}, {"micros": 6, "tokens": 999}, "$0.000004 of $0.00001 left"),
        ({"tokens": 10}, {"tokens": 6}, "4 of 10 tokens left"),
    ],
    ids=["dollars", "tokens"],
)
async def test_a_budget_without_room_refuses(
    form: Form, bounds: dict[str, Any], wants: dict[str, Any], came: str
) -> None:
    """Held counts like spent; the side that is open bounds nothing."""
    line = a_line(**bounds)
    grant = await form.limits.admit(a_call(line, **wants))
    with pytest.raises(BudgetExceeded) as refused:
        await form.limits.admit(a_call(line, **wants))
    assert (refused.value.limit, refused.value.came) == ("case:c1", came)

    await form.limits.settle(grant, Spent(tokens=4, micros=4))
    await form.limits.admit(a_call(line, **wants))


async def test_a_call_needs_room_in_every_budget_above_it(form: Form) -> None:
    """A tree: the flow today, the agent today, the case, the agent in the case; all or none."""
    flow, agent = a_line("flow", "desk", day=DAY, tokens=10), a_line("agent", "desk/billing", tokens=10)
    await form.limits.admit(a_call(agent, flow, a_line(), tokens=6))
    with pytest.raises(BudgetExceeded) as refused:
        await form.limits.admit(a_call(a_line("case", "c2"), flow, case_id="c2", tokens=6))
    assert refused.value.limit == "flow:desk@2030-01-01"
    await form.limits.admit(a_call(a_line("case", "c2"), case_id="c2", tokens=10))


async def test_a_day_has_a_budget_of_its_own(form: Form) -> None:
    """Tomorrow there is room again."""
    today = a_line("flow", "desk", day=DAY, tokens=5)
    await form.limits.admit(a_call(today, tokens=5))
    with pytest.raises(BudgetExceeded, match="on 2030-01-01"):
        await form.limits.admit(a_call(today))
    await form.limits.admit(a_call(a_line("flow", "desk", day=date(2030, 1, 2), tokens=5), tokens=5))


async def test_a_small_call_fits_where_a_large_one_does_not(form: Form) -> None:
    """What was refused holds nothing, whatever waits behind it."""
    line = a_line(tokens=10)
    calls = [a_call(line, tokens=tokens) for tokens in (6, 6, 4, 1)]
    told = await asyncio.gather(*map(form.limits.admit, calls), return_exceptions=True)
    assert [isinstance(one, BudgetExceeded) for one in told] == [False, True, False, True]
    assert (await form.budget("case:c1")).held == Spent(tokens=10)


async def test_the_limit_is_exact_under_a_crowd(form: Form) -> None:
    """Law 7: of a thousand that ask at once exactly as many go as there is room for."""
    line = a_line("flow", "desk", tokens=700)
    asked = [form.limits.admit(a_call(line, case_id=f"c{number}")) for number in range(1_000)]
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(not isinstance(one, BaseException) for one in told) == 700
    assert (await form.budget("flow:desk")).held == Spent(tokens=700)


async def test_what_an_earlier_owner_held_is_given_back(form: Form) -> None:
    """A crash leaves reservations; whoever drives the case next gives them back before it asks."""
    shared = a_line("flow", "desk", tokens=10)
    lost = await form.limits.admit(a_call(shared, a_line(), tokens=8, epoch=3))
    await form.limits.admit(a_call(shared, a_line("case", "c2"), tokens=2, case_id="c2", epoch=1))
    await form.limits.admit(a_call(shared, a_line(), tokens=8, epoch=4))
    assert (await form.budget("flow:desk")).held == Spent(tokens=10)
    assert (await form.budget("case:c1")).held == Spent(tokens=8)

    await form.limits.settle(lost, Spent(tokens=8))  # what it held is somebody else's by now
    assert (await form.budget("flow:desk")).held == Spent(tokens=10)


async def test_settling_twice_counts_once(form: Form) -> None:
    """A call ends once."""
    grant = await form.limits.admit(a_call(a_line(), tokens=3))
    await form.limits.settle(grant, Spent(tokens=2))
    await form.limits.settle(grant, Spent(tokens=2))
    row = await form.budget("case:c1")
    assert (row.spent, row.held) == (Spent(tokens=2), Spent())


async def test_a_bound_that_is_raised_holds_from_the_next_call(form: Form) -> None:
    """The policy in the code counts, not what it was when the budget was first named."""
    await form.limits.admit(a_call(a_line(tokens=1)))
    await form.limits.admit(a_call(a_line(tokens=2)))
    assert (await form.budget("case:c1")).limit == (None, 2)


def test_dollars_are_counted_in_millionths_exactly() -> None:
    """No binary fraction: a bound is never higher than it was said, a cost never lower."""
    assert micros_of(0.05) == 50_000
    assert micros_of(0.1) + micros_of(0.2) == micros_of(0.3)
    assert (micros_of(0.0000019), micros_of(0.0000011, up=True)) == (1, 2)


# -- rates ---------------------------------------------------------------------------


async def test_a_bucket_lets_its_burst_go_and_the_rest_wait(form: Form) -> None:
    """Two at once, then one every half second, in the order in which they came."""
    bucket = a_bucket(per_second=2, burst=2)
    grants = [await form.limits.admit(a_call(bucket=bucket)) for _ in range(4)]
    first, second, third, last = (grant.waited for grant in grants)
    assert (first, second) == (0, 0)
    assert 0 < third <= 0.5 and 0.5 <= last <= 1.0
    assert form.slept == [third, last]


async def test_who_would_wait_too_long_is_refused_and_takes_no_turn(form: Form) -> None:
    """The wait has a bound; the refusal says when to come back."""
    bucket = a_bucket(per_second=0.1, patience=5)
    await form.limits.admit(a_call(bucket=bucket))
    for _ in range(2):
        with pytest.raises(RateExceeded) as refused:
            await form.limits.admit(a_call(bucket=bucket))
        assert refused.value.retryable
        assert refused.value.retry_after == pytest.approx(10, abs=1)
    await form.passes(10)
    await form.limits.admit(a_call(bucket=bucket))


async def test_a_refused_call_takes_nothing(form: Form) -> None:
    """By all or by none: no turn in the bucket for whom the budget refuses, and no money the other way."""
    bucket, full = a_bucket(per_second=0.001, patience=0), a_line(tokens=0)
    with pytest.raises(BudgetExceeded):
        await form.limits.admit(a_call(full, bucket=bucket))
    await form.limits.admit(a_call(bucket=bucket))
    with pytest.raises(RateExceeded):
        await form.limits.admit(a_call(a_line("case", "c2"), bucket=bucket))
    rows = {row.subject: row.held for row in await form.limits.budgets()}
    assert rows.get("c2", Spent()) == Spent()


# -- breakers ------------------------------------------------------------------------


async def run(form: Form, breaker: Any, *samples: Sample) -> list[Change]:
    changes: list[Change] = []
    for sample in samples:
        grant = await form.limits.admit(a_call(breaker=breaker))
        changes += grant.changes + await form.limits.settle(grant, Spent(), sample)
    return changes


@pytest.mark.parametrize(
    ("policy", "sample", "why"),
    [
        ({}, BAD, "100 % of the last 2 calls failed"),
        ({"slower": 2.0}, Sample(False, 3.0), "the median of the last 2 calls is 3.00 s"),
        ({"confidence": 0.5}, Sample(False, 0.1, 0.3), "the mean confidence of the last 2 calls is 0.30"),
    ],
    ids=["errors", "latency", "confidence"],
)
async def test_a_breaker_opens_on_what_its_policy_names(
    form: Form, policy: dict[str, Any], sample: Sample, why: str
) -> None:
    """Errors, slowness, falling confidence; whoever meets it open is told when it is tried again."""
    breaker = a_breaker(**policy)
    changes = await run(form, breaker, sample, sample)
    changes += await form.limits.report(breaker, Sample(rejected=True))  # takes along what still rides
    assert changes == [Change("agent:desk/billing", "open", why)]
    with pytest.raises(BreakerOpen) as refused:
        await form.limits.admit(a_call(breaker=breaker))
    assert refused.value.retry_after == pytest.approx(30, abs=2)
    row = await form.breaker()
    assert (row.state, row.why, row.opened, row.calls) == ("open", why, 1, 2)


async def test_rejections_by_people_open_it(form: Form) -> None:
    """What an agent gives is judged long after its call; people's decisions count as they come."""
    breaker = a_breaker(rejections=0.5, errors=None)
    assert await form.limits.report(breaker, Sample(rejected=False)) == []
    (change,) = await form.limits.report(breaker, Sample(rejected=True))
    assert change.why == "50 % of the last 2 decisions rejected it"
    assert (await form.breaker()).state == "open"


async def test_good_calls_keep_it_closed(form: Form) -> None:
    """One failure in four is under the bound; the window forgets what is older."""
    assert (
        await run(form, a_breaker(least=4), *[GOOD] * 5, BAD, *[GOOD] * 4, BAD, GOOD, GOOD, GOOD, BAD) == []
    )


async def opened(form: Form, **policy: Any) -> Any:
    breaker = a_breaker(cool=10.0, **policy)
    await run(form, breaker, BAD, BAD)
    await form.passes(11)
    return breaker


async def test_half_open_lets_exactly_one_probe_through(form: Form) -> None:
    """Of twenty that ask at once one goes; the others are told to wait for what comes of it."""
    breaker = await opened(form)
    asked = [form.limits.admit(a_call(breaker=breaker)) for _ in range(20)]
    told = await asyncio.gather(*asked, return_exceptions=True)
    probes = [one for one in told if not isinstance(one, BaseException)]
    assert [probe.is_probe for probe in probes] == [True]
    assert (await form.breaker()).state == "half_open"


async def test_a_probe_that_succeeds_closes_it_and_all_is_forgotten(form: Form) -> None:
    """The failures that opened it do not open it again."""
    breaker = await opened(form)
    assert await run(form, breaker, GOOD, BAD) == [Change("agent:desk/billing", "closed")]
    assert (await form.breaker()).state == "closed"


async def test_a_probe_that_fails_opens_it_again(form: Form) -> None:
    """For the whole time once more."""
    breaker = await opened(form)
    assert await run(form, breaker, BAD) == [Change("agent:desk/billing", "open", "the probe failed")]
    with pytest.raises(BreakerOpen):
        await form.limits.admit(a_call(breaker=breaker))


async def test_a_probe_that_was_broken_off_leaves_it_to_the_next(form: Form) -> None:
    """Neither good nor bad: another call may try at once."""
    breaker = await opened(form)
    assert await run(form, breaker, Sample()) == []
    assert (await form.limits.admit(a_call(breaker=breaker))).is_probe


async def test_a_probe_that_nobody_hears_of_is_given_up(form: Form) -> None:
    """Its process may be gone; after a minute another call may try."""
    breaker = await opened(form)
    await form.limits.admit(a_call(breaker=breaker))
    with pytest.raises(BreakerOpen):
        await form.limits.admit(a_call(breaker=breaker))
    await form.passes(61)
    assert (await form.limits.admit(a_call(breaker=breaker))).is_probe


async def test_calls_from_before_it_opened_do_not_close_it(form: Form) -> None:
    """Only the probe speaks for how it is now."""
    breaker = a_breaker()
    early = await form.limits.admit(a_call(breaker=breaker))
    await run(form, breaker, BAD, BAD)
    assert await form.limits.settle(early, Spent(), GOOD) == []
    assert (await form.breaker()).state == "open"
