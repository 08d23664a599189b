"""What a model may call is declared in the blueprint, step by step; everything else is denied."""

from __future__ import annotations

from typing import Any

from langgraph_switchboard import END, Blueprint, StepContext
from langgraph_switchboard.models import OnText, Tool
from langgraph_switchboard.nodes import memory_services
from langgraph_switchboard.testing import ScriptedModel, call_of
from tests.seam import Bench, Order, Payment, PaymentCase, PaymentDecision, pay


async def price(order: Order) -> dict[str, Any]:
    """What it costs."""
    return {"cents": 2000}


async def stock(order: Order) -> dict[str, Any]:
    """How many there are."""
    return {"there": 3}


PRICE, STOCK = Tool("price", Order, price), Tool("stock", Order, stock)
PAID = Payment(amount=20.0)


async def run(allowed: list[Tool], asked: list[Tool], *script: Any, on_text: OnText | None = None) -> Bench:
    """A payment that a model proposes, with tools that the blueprint allows and that its agent asks for."""

    async def propose(order: Order, ctx: StepContext) -> Payment:
        return await ctx.ask(Payment, "Propose a payment.", tools=asked, on_text=on_text)

    flow = Blueprint("payments", case=PaymentCase, owner="accounts")
    flow.step(propose, then="pay", fallback="by_hand", tools=allowed)
    flow.review("by_hand", of="payment", decides=PaymentDecision, then="pay")
    flow.effect(pay, then=END)
    services = memory_services()
    async with ScriptedModel(*script) as services.models:
        bench = Bench(flow, services=services)
        await bench.run()
    return bench


async def test_a_declared_tool_is_called_and_stands_on_the_record() -> None:
    """By name only: what it was called with and what it gave may hold personal data."""
    bench = await run([PRICE, STOCK], [PRICE], call_of("price", text="two chairs"), PAID)
    (told,) = [one.event.data for one in await bench.story() if one.event.step == "propose"]
    assert (told["tools"], told["answered_by"]) == (["price"], "model")
    assert (await bench.row()).status == "finished"


async def test_a_tool_that_the_agent_did_not_offer_is_refused_and_a_person_decides() -> None:
    """An allowed tool is not yet an offered one."""
    bench = await run([PRICE, STOCK], [PRICE], call_of("stock", text="two chairs"))
    (failure,) = await bench.failures()
    assert (failure["code"], failure["why"], failure["step"]) == ("tool_refused", "unknown", "propose")
    assert (await bench.row()).status == "waiting"


async def test_an_agent_that_offers_more_than_its_blueprint_allows_fails_before_anybody_is_asked() -> None:
    """Deny by default: the list in the blueprint is what is reviewed and drawn."""
    bench = await run([PRICE], [PRICE, STOCK])
    (failure,) = await bench.failures()
    assert (failure["code"], failure["wanted"]) == ("configuration_error", "one of price")
    (failure,) = await (await run([], [STOCK])).failures()
    assert failure["wanted"] == "no tool"


async def test_an_answer_is_shown_while_it_is_written() -> None:
    """An agent that streams says so where it asks."""
    pieces: list[str] = []
    await run([], [], PAID, on_text=pieces.append)
    assert Payment.model_validate_json("".join(pieces)) == PAID


def test_the_digest_of_a_blueprint_tells_of_its_tools() -> None:
    """Another allow-list is another process."""

    def flow(tools: list[Tool]) -> Blueprint:
        async def propose(order: Order) -> Payment:
            return PAID

        made = Blueprint("payments", case=PaymentCase, owner="accounts")
        made.step(propose, then=END, tools=tools)
        return made

    digests = {flow(tools).process().digest for tools in ([], [PRICE], [PRICE, STOCK])}
    assert len(digests) == 3
