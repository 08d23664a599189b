"""The two-agent desk on plain LangGraph."""

import asyncio
from typing import Any, Literal, TypedDict

from common import CORRECTION, POST, THRESHOLD, TICKETS, answer, department_of
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel, Field


class Reply(BaseModel):
    text: str = Field(min_length=1)
    confidence: float = Field(ge=0, le=1)


class State(TypedDict, total=False):
    number: str
    ticket: str
    reply: dict[str, Any]


def pick(state: State) -> Literal["billing", "faq"]:
    return "billing" if department_of(state["ticket"]) == "billing" else "faq"


def billing(state: State) -> State:
    return {"reply": Reply(**answer("billing", state["ticket"])).model_dump()}


def faq(state: State) -> State:
    return {"reply": Reply(**answer("faq", state["ticket"])).model_dump()}


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
graph.add_node(billing)
graph.add_node(faq)
graph.add_node(review)
graph.add_node(send)
graph.add_conditional_edges(START, pick)
graph.add_conditional_edges("billing", gate)
graph.add_conditional_edges("faq", gate)
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
