"""The two-agent desk on langgraph-switchboard."""

import asyncio

from common import CORRECTION, POST, THRESHOLD, TICKETS, answer, department_of
from pydantic import Field

from langgraph_switchboard import END, Blueprint, CaseState, Contract, Decision, StepContext, Switchboard
from langgraph_switchboard.routing import Route


class Ticket(Contract):
    text: str


class Reply(Contract):
    text: str = Field(min_length=1)
    confidence: float = Field(ge=0, le=1)


class ReplyDecision(Decision):
    edited: Reply | None = None


class Sent(Contract):
    key: str


class HelpCase(CaseState):
    ticket: Ticket
    route: Route | None = None
    reply: Reply | None = None
    decision: ReplyDecision | None = None
    sent: Sent | None = None


async def pick(ticket: Ticket) -> Route:
    agent = department_of(ticket.text)
    return Route(agent=agent, label=agent, confidence=1, by="rule", reason="by its words")


async def billing(ticket: Ticket) -> Reply:
    return Reply(**answer("billing", ticket.text))


async def faq(ticket: Ticket) -> Reply:
    return Reply(**answer("faq", ticket.text))


async def send(reply: Reply, ctx: StepContext) -> Sent:
    return Sent(key=ctx.outbox("reply", {"text": reply.text}))


desk = Blueprint("help_desk", case=HelpCase, owner="support")
desk.supervise("supervisor", pick, agents=[billing, faq], unsure="review")
desk.step(billing, then="gate", fallback="review")
desk.step(faq, then="gate", fallback="review")
desk.gate("gate", of="reply", threshold=THRESHOLD, sure=send, unsure="review")
desk.review("review", of="reply", decides=ReplyDecision, then=send)
desk.effect(send, then=END)


async def main() -> None:
    async with Switchboard.open("memory") as switchboard:
        for number, text in TICKETS.items():
            case = await switchboard.run(desk, Ticket(text=text), case_id=number)
            if case.status == "waiting":
                print(f"{number} waits: {case.row.reason}")
                better = ReplyDecision(type="edit", edited=Reply(text=CORRECTION, confidence=1))
                await switchboard.decide(case.reviews[0].review_id, better, by="ada")
            for row in await switchboard.services.store.outbox(number):
                POST.append((number, row.row["text"]))
                print(f"{number} sent: {row.row['text']}")


if __name__ == "__main__":
    asyncio.run(main())
