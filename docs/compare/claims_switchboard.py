"""The claims flow on langgraph-switchboard."""

import asyncio
from typing import Literal

from common import (
    BOOKS,
    CLAIMS,
    FIRST,
    POST,
    SECOND,
    SECONDS,
    lacking,
    policy_of,
    read_by_form,
    read_by_model,
    settlement_of,
    suspicion_by_model,
    suspicion_by_rules,
)
from pydantic import Field

from langgraph_switchboard import (
    Blueprint,
    CaseState,
    Contract,
    Decision,
    StepContext,
    Switchboard,
    SwitchboardError,
)
from langgraph_switchboard.nodes import JOIN, Retry


class Claim(Contract):
    policy: str
    peril: str
    amount: int = Field(gt=0)
    papers: tuple[str, ...] = ()
    hangs: bool = False


class Read(Contract):
    policy: str
    peril: str
    amount: int = Field(gt=0)
    papers: tuple[str, ...] = ()


class Request(Contract):
    wants: str
    came: tuple[str, ...] = ()


class Sending(Decision):
    edited: Request | None = None


class Policy(Contract):
    holder: str
    deductible: int = Field(ge=0)


class Suspicion(Contract):
    score: float = Field(ge=0, le=1)


class Settlement(Contract):
    amount: int = Field(ge=0)
    question: str = ""
    confidence: float = 1


class SettlementDecision(Decision):
    edited: Settlement | None = None


class Paid(Contract):
    key: str


class ClaimCase(CaseState):
    claim: Claim
    read: Read | None = None
    request: Request | None = None
    sending: Sending | None = None
    policy: Policy | None = None
    suspicion: Suspicion | None = None
    settlement: Settlement | None = None
    settlement_decision: SettlementDecision | None = None
    paid: Paid | None = None
    told: Paid | None = None


def given(claim: Claim, request: Request | None) -> dict[str, object]:
    return claim.model_dump() | {"papers": claim.papers + (request.came if request else ())}


async def extract(claim: Claim, request: Request | None) -> Read:
    return Read(**await read_by_model(given(claim, request)))


async def read_form(claim: Claim, request: Request | None) -> Read:
    return Read(**read_by_form(given(claim, request)))


async def ask(read: Read, ctx: StepContext) -> Request:
    wants = lacking(read.model_dump()) or "nothing"
    ctx.outbox(f"request-{ctx.visit}", {"text": f"Please send us: {wants}"})
    return Request(wants=wants)


async def look_up(read: Read) -> Policy:
    return Policy(**policy_of(read.policy))


async def suspect(claim: Claim) -> Suspicion:
    return Suspicion(score=await suspicion_by_model(claim.model_dump()))


async def suspect_by_rules(claim: Claim) -> Suspicion:
    return Suspicion(score=suspicion_by_rules(claim.model_dump()))


async def decide(read: Read, policy: Policy, suspicion: Suspicion) -> Settlement:
    return Settlement(**settlement_of(read.model_dump(), policy.model_dump(), suspicion.score))


def needs_person(settlement: Settlement) -> str | None:
    return settlement.question or (f"{settlement.amount} is a lot" if settlement.amount > FIRST else None)


def people(settlement: Settlement | None) -> int:
    return 2 if settlement and settlement.amount > SECOND else 1


async def pay(settlement: Settlement, ctx: StepContext) -> Paid:
    return Paid(key=ctx.outbox("payment", {"amount": settlement.amount}))


async def notify(settlement: Settlement, ctx: StepContext) -> Paid:
    return Paid(key=ctx.outbox("letter", {"text": f"We pay {settlement.amount}."}))


def is_complete(read: Read) -> Literal["checks", "ask"]:
    return "ask" if lacking(read.model_dump()) else "checks"


ONCE = Retry(attempts=1)
flow = Blueprint("claims", case=ClaimCase, owner="claims")
flow.step(extract, then=is_complete, fallback=read_form, timeout=SECONDS, retry=ONCE)
flow.step(read_form, then=is_complete, fallback="dead_letter")
flow.effect(ask, then="documents", fallback="dead_letter")
flow.review("documents", of="request", decides=Sending, then=extract, owner="claimant", expires="30d")
flow.parallel("checks", members=[look_up, suspect], then=decide)
flow.step(look_up, then=JOIN, fallback="dead_letter", timeout=5)
flow.step(suspect, then=JOIN, fallback=suspect_by_rules, timeout=SECONDS, retry=ONCE)
flow.step(suspect_by_rules, then=JOIN, fallback="dead_letter")
flow.step(decide, then="gate", fallback="dead_letter")
flow.gate("gate", of="settlement", always=needs_person, sure=pay, unsure="review")
flow.review("review", of="settlement", decides=SettlementDecision, then=pay, people_when=people, expires="5d")
flow.effect(pay, then=notify, gives="paid", approved="review", when=needs_person, fallback="review")
flow.effect(notify, gives="told", fallback="dead_letter")


async def main() -> None:
    async with Switchboard.open("memory") as switchboard:
        for number, fields in CLAIMS.items():
            case = await switchboard.run(flow, Claim(**fields), case_id=number)
            if case.row.step == "documents":
                wants = case.reviews[0].shown["request"]["wants"]
                print(f"{number} waits for the claimant: {wants}")
                sent = Sending(type="edit", edited=Request(wants=wants, came=(wants,)))
                await switchboard.decide(case.reviews[0].review_id, sent, by="claimant")
            if case.row.step == "review":
                print(f"{number} waits for a person: {case.row.reason}")
                review = case.reviews[0]
                for who in ("maria", "maria", "jonas")[: 3 if review.people == 2 else 1]:
                    try:
                        await switchboard.decide(review.review_id, {"type": "approve"}, by=who)
                    except SwitchboardError:
                        print(f"{number} {who} does not count twice")
            for row in await switchboard.services.store.outbox(number):
                if row.key == "payment":
                    BOOKS.append((number, row.row["amount"]))
                    print(f"{number} paid {row.row['amount']}")
                else:
                    POST.append((number, row.row["text"]))


if __name__ == "__main__":
    asyncio.run(main())
