"""The two-agent desk on langgraph-supervisor: the supervisor routes, the rest is a graph around it."""

import asyncio
import json
from functools import partial
from typing import Any, Literal, TypedDict

from common import CORRECTION, POST, THRESHOLD, TICKETS, answer, department_of
from fakes import leads, says
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import create_react_agent
from langgraph.types import Command, interrupt
from langgraph_supervisor import create_supervisor
from pydantic import BaseModel, Field


class Reply(BaseModel):
    text: str = Field(min_length=1)
    confidence: float = Field(ge=0, le=1)


class State(TypedDict, total=False):
    number: str
    ticket: str
    reply: dict[str, Any]


supervisor_model = leads(["billing", "faq"], lambda text: [department_of(text)])
billing_model, faq_model = (says(partial(answer, name)) for name in ("billing", "faq"))
FORM = "Answer as JSON: text, confidence (0 to 1)."
billing = create_react_agent(
    billing_model, [], name="billing", prompt=f"You answer questions on fees. {FORM}"
)
faq = create_react_agent(faq_model, [], name="faq", prompt=f"You answer all other questions. {FORM}")
team = create_supervisor(
    [billing, faq],
    model=supervisor_model,
    prompt="Give questions on fees to billing, all others to faq. Then repeat the answer word by word.",
).compile()


async def work(state: State) -> State:
    result = await team.ainvoke({"messages": [("user", state["ticket"])]})
    return {"reply": Reply(**json.loads(result["messages"][-1].content)).model_dump()}


def gate(state: State) -> Literal["send", "review"]:
    return "send" if state["reply"]["confidence"] >= THRESHOLD else "review"


def review(state: State) -> Command[Literal["send", "__end__"]]:
    reason = f"confidence {state['reply']['confidence']:.2f} is under {THRESHOLD:.2f}"
    decision = interrupt({"reason": reason, "reply": state["reply"]})
    if decision["type"] == "reject":
        return Command(goto=END)
    edited = decision.get("edited") or state["reply"]
    return Command(goto="send", update={"reply": Reply(**edited).model_dump()})


def send(state: State) -> None:
    POST.append((state["number"], state["reply"]["text"]))
    print(f"{state['number']} sent: {state['reply']['text']}")


graph = StateGraph(State)
graph.add_node(work)
graph.add_node(review)
graph.add_node(send)
graph.add_edge(START, "work")
graph.add_conditional_edges("work", gate)
graph.add_edge("send", END)


async def main() -> None:
    desk = graph.compile(checkpointer=InMemorySaver())
    for number, text in TICKETS.items():
        config: Any = {"configurable": {"thread_id": number}}
        result = await desk.ainvoke({"number": number, "ticket": text}, config)
        if "__interrupt__" in result:
            print(f"{number} waits: {result['__interrupt__'][0].value['reason']}")
            better = {"type": "edit", "edited": {"text": CORRECTION, "confidence": 1}}
            await desk.ainvoke(Command(resume=better), config)


if __name__ == "__main__":
    asyncio.run(main())
