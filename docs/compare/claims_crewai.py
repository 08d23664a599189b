"""The claims flow on CrewAI: a flow, with crews where a model thinks."""

import asyncio
import json

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
from crewai import Agent, Crew, Task
from crewai.flow.async_feedback import HumanFeedbackPending, HumanFeedbackProvider
from crewai.flow.flow import Flow, and_, listen, or_, router, start
from crewai.flow.human_feedback import human_feedback
from crewai.flow.persistence import SQLiteFlowPersistence, persist
from fakes_crewai import Played, claim_in
from pydantic import BaseModel, Field


class Claim(BaseModel):
    policy: str = ""
    peril: str = ""
    amount: int = 0
    papers: tuple[str, ...] = ()
    hangs: bool = False


class Read(BaseModel):
    policy: str
    peril: str
    amount: int = Field(gt=0)
    papers: tuple[str, ...] = ()


class Suspicion(BaseModel):
    score: float = Field(ge=0, le=1)


class Policy(BaseModel):
    holder: str
    deductible: int = Field(ge=0)


class Settlement(BaseModel):
    amount: int = Field(ge=0)
    question: str = ""


class Case(BaseModel):
    id: str = ""
    number: str = ""
    claim: Claim = Claim()
    read: Read | None = None
    policy: Policy | None = None
    suspicion: float = 0
    settlement: Settlement | None = None
    approved_by: list[str] = []


def crew_of(role: str, goal: str, output: type[BaseModel], model: Played) -> Crew:
    agent = Agent(role=role, goal=goal, backstory="You work at an insurer.", llm=model)
    task = Task(description="The claim: {claim}", expected_output=goal, agent=agent, output_pydantic=output)
    return Crew(agents=[agent], tasks=[task])


async def score(said: str) -> dict[str, float]:
    return {"score": await suspicion_by_model(claim_in(said))}


reader = crew_of("reader", "Read claims.", Read, Played(lambda said: read_by_model(claim_in(said))))
detective = crew_of("detective", "Say how suspicious a claim is.", Suspicion, Played(score))


class Later(HumanFeedbackProvider):
    def request_feedback(self, context, flow):
        raise HumanFeedbackPending(context=context)


@persist()
class Claims(Flow[Case]):
    @start()
    def begin(self):
        return "begun"

    @listen(or_(begin, "again"))
    async def extract(self):
        claim = self.state.claim.model_dump()
        try:
            async with asyncio.timeout(SECONDS):
                self.state.read = (await reader.akickoff(inputs={"claim": json.dumps(claim)})).pydantic
        except Exception:
            self.state.read = Read(**read_by_form(claim))

    @router(extract)
    def check(self):
        return "incomplete" if lacking(self.state.read.model_dump()) else "complete"

    @listen("incomplete")
    @human_feedback(message="Please send what is missing.", provider=Later())
    def documents(self):
        wants = lacking(self.state.read.model_dump())
        POST.append((self.state.number, f"Please send us: {wants}"))
        return wants

    @router(documents)
    def came(self, sent):
        if sent.feedback == "withdrawn":
            return "rejected"
        self.state.claim.papers = (*self.state.claim.papers, sent.feedback)
        return "again"

    @listen("complete")
    async def look_up(self):
        self.state.policy = Policy(**policy_of(self.state.read.policy))

    @listen("complete")
    async def suspect(self):
        claim = self.state.claim.model_dump()
        try:
            async with asyncio.timeout(SECONDS):
                found = await detective.akickoff(inputs={"claim": json.dumps(claim)})
            self.state.suspicion = found.pydantic.score
        except Exception:
            self.state.suspicion = suspicion_by_rules(claim)

    @listen(and_(look_up, suspect))
    def decide(self):
        read, policy = self.state.read.model_dump(), self.state.policy.model_dump()
        self.state.settlement = Settlement(**settlement_of(read, policy, self.state.suspicion))

    @router(decide)
    def gate(self):
        settlement = self.state.settlement
        return "unsure" if settlement.question or settlement.amount > FIRST else "sure"

    @listen(or_("unsure", "one more"))
    @human_feedback(message="WHO approve, WHO reject, or WHO and another amount", provider=Later())
    def review(self):
        return self.state.settlement.question

    @router(review)
    def decided(self, answer):
        who, said = answer.feedback.split()
        if said == "reject":
            return "rejected"
        if said != "approve":
            self.state.settlement.amount, self.state.approved_by = int(said), []
        if who not in self.state.approved_by:
            self.state.approved_by.append(who)
        people = 2 if self.state.settlement.amount > SECOND else 1
        return "approved" if len(self.state.approved_by) >= people else "one more"

    @listen(or_("sure", "approved"))
    def pay(self):
        if not any(number == self.state.number for number, _ in BOOKS):
            BOOKS.append((self.state.number, self.state.settlement.amount))
            print(f"{self.state.number} paid {self.state.settlement.amount}")

    @listen(pay)
    def notify(self):
        POST.append((self.state.number, f"We pay {self.state.settlement.amount}."))


async def main() -> None:
    store = SQLiteFlowPersistence("claims.db")
    for number, fields in CLAIMS.items():
        flow = Claims(persistence=store, suppress_flow_events=True)
        given = {"id": number, "number": number, "claim": {"hangs": False, **fields}}
        result = await flow.kickoff_async(inputs=given)
        people = iter(("maria", "maria", "jonas"))
        while isinstance(result, HumanFeedbackPending):
            flow = Claims.from_pending(number, store)
            if result.context.method_name == "documents":
                wants = result.context.method_output
                print(f"{number} waits for the claimant: {wants}")
                answer = wants
            else:
                who = next(people)
                if who in flow.state.approved_by:
                    print(f"{number} {who} does not count twice")
                elif not flow.state.approved_by:
                    print(f"{number} waits for a person: {result.context.method_output}")
                answer = f"{who} approve"
            result = await flow.resume_async(answer)


if __name__ == "__main__":
    asyncio.run(main())
