"""The claims flow on plain LangGraph."""

import asyncio
from typing import Any, Literal, TypedDict

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
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel, Field


class Claim(BaseModel):
    policy: str
    peril: str
    amount: int = Field(gt=0)
    papers: tuple[str, ...] = ()
    hangs: bool = False


class Read(BaseModel):
    policy: str
    peril: str
    amount: int = Field(gt=0)
    papers: tuple[str, ...] = ()


class Policy(BaseModel):
    holder: str
    deductible: int = Field(ge=0)


class Settlement(BaseModel):
    amount: int = Field(ge=0)
    question: str = ""


class State(TypedDict, total=False):
    number: str
    claim: dict[str, Any]
    read: dict[str, Any]
    policy: dict[str, Any]
    suspicion: float
    settlement: dict[str, Any]
    approved_by: list[str]
    paid: bool


async def extract(state: State) -> State:
    claim = Claim(**state["claim"]).model_dump()
    try:
        async with asyncio.timeout(SECONDS):
            return {"read": Read(**await read_by_model(claim)).model_dump()}
    except Exception:
        return {"read": Read(**read_by_form(claim)).model_dump()}


def is_complete(state: State) -> list[str]:
    return ["ask"] if lacking(state["read"]) else ["look_up", "suspect"]


def ask(state: State) -> State:
    wants = lacking(state["read"])
    POST.append((state["number"], f"Please send us: {wants}"))
    return {}


def documents(state: State) -> Command[Literal["extract", "__end__"]]:
    answer = interrupt({"of": "documents", "wants": lacking(state["read"])})
    if answer["type"] == "reject":
        return Command(goto=END)
    papers = (*state["claim"]["papers"], *answer["papers"])
    return Command(goto="extract", update={"claim": {**state["claim"], "papers": papers}})


async def look_up(state: State) -> State:
    return {"policy": Policy(**policy_of(state["read"]["policy"])).model_dump()}


async def suspect(state: State) -> State:
    try:
        async with asyncio.timeout(SECONDS):
            return {"suspicion": await suspicion_by_model(state["claim"])}
    except Exception:
        return {"suspicion": suspicion_by_rules(state["claim"])}


def decide(state: State) -> State:
    settled = settlement_of(state["read"], state["policy"], state["suspicion"])
    return {"settlement": Settlement(**settled).model_dump(), "approved_by": []}


def gate(state: State) -> Literal["pay", "review"]:
    settlement = state["settlement"]
    return "review" if settlement["question"] or settlement["amount"] > FIRST else "pay"


def review(state: State) -> Command[Literal["pay", "review", "__end__"]]:
    before, settlement = state["approved_by"], state["settlement"]
    answer = interrupt({"of": "review", "reason": settlement["question"], "approved_by": before})
    if answer["type"] == "reject":
        return Command(goto=END)
    if answer.get("edited"):
        settlement, before = Settlement(**answer["edited"]).model_dump(), []
    if answer["by"] in before:
        return Command(goto="review")
    people = 2 if settlement["amount"] > SECOND else 1
    approved = [*before, answer["by"]]
    to: Literal["pay", "review"] = "pay" if len(approved) >= people else "review"
    return Command(goto=to, update={"settlement": settlement, "approved_by": approved})


def pay(state: State) -> State:
    if any(number == state["number"] for number, _ in BOOKS):
        return {"paid": True}
    BOOKS.append((state["number"], state["settlement"]["amount"]))
    print(f"{state['number']} paid {state['settlement']['amount']}")
    return {"paid": True}


def notify(state: State) -> State:
    POST.append((state["number"], f"We pay {state['settlement']['amount']}."))
    return {}


graph = StateGraph(State)
for node in (extract, ask, documents, look_up, suspect, decide, review, pay, notify):
    graph.add_node(node.__name__, node)
graph.add_edge(START, "extract")
graph.add_conditional_edges("extract", is_complete, ["ask", "look_up", "suspect"])
graph.add_edge("ask", "documents")
graph.add_edge(["look_up", "suspect"], "decide")
graph.add_conditional_edges("decide", gate)
graph.add_edge("pay", "notify")
graph.add_edge("notify", END)


async def main() -> None:
    flow = graph.compile(checkpointer=InMemorySaver())
    for number, fields in CLAIMS.items():
        config: Any = {"configurable": {"thread_id": number}}
        result = await flow.ainvoke({"number": number, "claim": fields}, config)
        people = iter(("maria", "maria", "jonas"))
        while "__interrupt__" in result:
            asked = result["__interrupt__"][0].value
            if asked["of"] == "documents":
                print(f"{number} waits for the claimant: {asked['wants']}")
                answer = {"type": "edit", "papers": [asked["wants"]]}
            else:
                who = next(people)
                if who in asked["approved_by"]:
                    print(f"{number} {who} does not count twice")
                elif not asked["approved_by"]:
                    print(f"{number} waits for a person: {asked['reason']}")
                answer = {"type": "approve", "by": who}
            result = await flow.ainvoke(Command(resume=answer), config)


if __name__ == "__main__":
    asyncio.run(main())
