"""A model that fails in every way: each case ends in its declared rung, and nothing wrong goes on."""

from __future__ import annotations

from itertools import pairwise

import pytest

from langgraph_switchboard import END, Blueprint, StepContext
from langgraph_switchboard.models import OpenAIModels
from langgraph_switchboard.nodes import Retry
from langgraph_switchboard.testing import FAULTS, FaultyModelServer
from tests.faults.cascade import OUTPUTS, cascade
from tests.faults.controls import insistent, own_word
from tests.faults.desk import tickets
from tests.faults.fuzz import FAMILIES, fuzz
from tests.faults.kinds import KINDS
from tests.faults.proof import faults
from tests.seam import Bench, Order, Payment, PaymentCase, pay


def test_something_is_declared_for_every_fault() -> None:
    """A fault that is added to the server must be given an end here."""
    assert set(KINDS) == set(FAULTS)
    assert len(KINDS) >= 20


@pytest.mark.pg
async def test_every_fault_ends_in_its_declared_rung(pg_dsn: str) -> None:
    """Once and each time: the rung, the reason, the waits and the requests are as declared."""
    report = await faults(pg_dsn, tickets(), each=2)
    assert report.broken == []
    assert report.trials == 2 * len(KINDS)
    assert report.counts["wrong as right"] == 0


@pytest.mark.pg
async def test_control_by_its_own_word_alone_a_wrong_answer_goes_out(pg_dsn: str) -> None:
    """The negative control: an injected answer that is sure of itself reaches the customer."""
    report = await faults(pg_dsn, tickets(), kinds=["injected"], each=8, make=own_word)
    assert report.counts["wrong as right"] > 0


@pytest.mark.pg
async def test_control_retries_in_two_places_are_seen(pg_dsn: str) -> None:
    """The negative control: a client that insists multiplies the requests of each attempt."""
    report = await faults(pg_dsn, tickets(), kinds=["down"], each=2, make=insistent)
    assert any("9 requests for 1 cases, specified are 3" in one for one in report.broken)


@pytest.mark.parametrize(("fault", "waits"), [("down", [0.2, 0.4]), ("busy-seconds", [0.5, 0.5])])
async def test_waits_are_as_long_as_they_are_said_to_be(fault: str, waits: list[float]) -> None:
    """By the clock of the server, to a tenth: what the policy says, or what the server asks for."""

    async def propose(order: Order, ctx: StepContext) -> Payment:
        return await ctx.ask(Payment, "Propose.")

    flow = Blueprint("waits", case=PaymentCase, owner="o")
    flow.step(propose, then="pay", retry=Retry(base=0.2, jitter=False))
    flow.effect(pay, then=END)
    bench = Bench(flow)
    with FaultyModelServer(retry_after=0.5) as server:
        bench.services.models = OpenAIModels(fault, base_url=server.base_url)
        await bench.run()
        await bench.services.models.aclose()
        at = [one.at for one in server.served]
    gaps = [later - sooner for sooner, later in pairwise(at)]
    assert len(gaps) == len(waits)
    # What the answer itself takes comes on top of the wait.
    assert all(wait <= gap <= 1.1 * wait + 0.15 for wait, gap in zip(waits, gaps, strict=True))


@pytest.mark.parametrize("family", FAMILIES)
async def test_no_fuzzed_output_is_kept_or_reaches_the_next_step(family: str) -> None:
    """Near to valid or far from it, given by an agent or said by a model: only what is right goes on."""
    report = await fuzz(family, outputs=150)
    assert report.broken == []
    assert report.counts["valid"] >= 0.3 * report.trials


@pytest.mark.parametrize("family", FAMILIES)
async def test_control_on_stock_langgraph_every_fuzzed_output_goes_on(family: str) -> None:
    """The negative control: nothing holds an agent to its word."""
    report = await fuzz(family, outputs=50, unchecked=True)
    assert len(report.broken) == report.counts["invalid"] > 0


async def test_a_wrong_output_of_a_model_is_never_paid() -> None:
    """Fifteen plausible but wrong payments, none made; the right one is."""
    report = await cascade()
    assert report.broken == []
    assert (report.trials, report.counts["right payments"]) == (len(OUTPUTS), 1)


async def test_control_stock_langgraph_pays_most_of_them() -> None:
    """The negative control: eleven of fifteen are paid, and four crash in the wrong node."""
    report = await cascade(unchecked=True)
    assert (report.counts["bad payments"], report.counts["crashed"]) == (11, 4)
