"""The two-agent desk on CrewAI: a flow around two crews of one agent each."""

from functools import partial

from common import CORRECTION, POST, THRESHOLD, TICKETS, answer, department_of
from crewai import Agent, Crew, Task
from crewai.flow.async_feedback import HumanFeedbackPending, HumanFeedbackProvider
from crewai.flow.flow import Flow, listen, or_, router, start
from crewai.flow.human_feedback import human_feedback
from crewai.flow.persistence import SQLiteFlowPersistence, persist
from fakes_crewai import Played
from pydantic import BaseModel, Field

billing_model, faq_model = (Played(partial(answer, name)) for name in ("billing", "faq"))


class Reply(BaseModel):
    text: str = Field(min_length=1)
    confidence: float = Field(ge=0, le=1)


class Case(BaseModel):
    id: str = ""
    number: str = ""
    ticket: str = ""
    reply: Reply | None = None


def crew_of(role: str, goal: str, model: Played) -> Crew:
    agent = Agent(role=role, goal=goal, backstory="You work at the help desk.", llm=model)
    task = Task(
        description="Answer: {ticket}", expected_output="text, confidence", agent=agent, output_pydantic=Reply
    )
    return Crew(agents=[agent], tasks=[task])


CREWS = {
    "billing": crew_of("billing", "Answer questions on fees.", billing_model),
    "faq": crew_of("faq", "Answer all other questions.", faq_model),
}


class Later(HumanFeedbackProvider):
    def request_feedback(self, context, flow):
        raise HumanFeedbackPending(context=context)


@persist()
class Desk(Flow[Case]):
    @start()
    def work(self):
        crew = CREWS[department_of(self.state.ticket)]
        self.state.reply = crew.kickoff(inputs={"ticket": self.state.ticket}).pydantic

    @router(work)
    def gate(self):
        return "sure" if self.state.reply.confidence >= THRESHOLD else "unsure"

    @listen("unsure")
    @human_feedback(message="Send this reply? Reject, or write what to send.", provider=Later())
    def review(self):
        return self.state.reply.text

    @router(review)
    def decided(self, decision):
        if decision.feedback == "reject":
            return "rejected"
        self.state.reply = Reply(text=decision.feedback or decision.output, confidence=1)
        return "approved"

    @listen(or_("sure", "approved"))
    def send(self):
        POST.append((self.state.number, self.state.reply.text))
        print(f"{self.state.number} sent: {self.state.reply.text}")


def main() -> None:
    store = SQLiteFlowPersistence("desk.db")
    for number, text in TICKETS.items():
        desk = Desk(persistence=store, suppress_flow_events=True)
        result = desk.kickoff(inputs={"id": number, "number": number, "ticket": text})
        if isinstance(result, HumanFeedbackPending):
            print(f"{number} waits: confidence {desk.state.reply.confidence:.2f} is under {THRESHOLD:.2f}")
            Desk.from_pending(number, store).resume(CORRECTION)


if __name__ == "__main__":
    main()
