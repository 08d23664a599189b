"""The claims flow on langgraph-supervisor: it leads three agents, and a graph around it does the rest."""

import asyncio
import json
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
from fakes import calls, leads
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import create_react_agent
from langgraph.types import Command, interrupt
from langgraph_supervisor import create_supervisor
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
    found: dict[str, Any]
    settlement: dict[str, Any]
    approved_by: list[str]


async def extract(claim: dict[str, Any]) -> str:
    """Read a claim."""
    claim = Claim(**claim).model_dump()
    try:
        async with asyncio.timeout(SECONDS):
            return Read(**await read_by_model(claim)).model_dump_json()
    except Exception:
        return Read(**read_by_form(claim)).model_dump_json()


async def look_up(claim: dict[str, Any]) -> str:
    """Look the policy of a claim up."""
    return Policy(**policy_of(claim["policy"])).model_dump_json()


async def suspect(claim: dict[str, Any]) -> str:
    """Say how suspicious a claim is."""
    try:
        async with asyncio.timeout(SECONDS):
            return json.dumps({"score": await suspicion_by_model(claim)})
    except Exception:
        return json.dumps({"score": suspicion_by_rules(claim)})


TEAM = ("reader", "clerk", "detective")
SAY = "Call your tool with the claim, then repeat what it says word by word."
reader = create_react_agent(calls("extract"), [extract], name="reader", prompt=f"You read claims. {SAY}")
clerk = create_react_agent(calls("look_up"), [look_up], name="clerk", prompt=f"You know policies. {SAY}")
detective = create_react_agent(
    calls("suspect"), [suspect], name="detective", prompt=f"You look for fraud. {SAY}"
)
team = create_supervisor(
    [reader, clerk, detective],
    model=leads(TEAM, lambda claim: TEAM),
    prompt="Ask reader, clerk, detective, each once. Then give all three answers as one JSON object.",
).compile()


async def work(state: State) -> State:
    said = json.dumps(state["claim"])
    result = await team.ainvoke({"messages": [("user", said)]})
    found = json.loads(result["messages"][-1].content)
    Read(**found["reader"]), Policy(**found["clerk"]), float(found["detective"]["score"])
    return {"found": found}


def is_complete(state: State) -> Literal["ask", "decide"]:
    return "ask" if lacking(state["found"]["reader"]) else "decide"


def ask(state: State) -> State:
    POST.append((state["number"], f"Please send us: {lacking(state['found']['reader'])}"))
    return {}


def documents(state: State) -> Command[Literal["work", "__end__"]]:
    answer = interrupt({"of": "documents", "wants": lacking(state["found"]["reader"])})
    if answer["type"] == "reject":
        return Command(goto=END)
    papers = (*state["claim"]["papers"], *answer["papers"])
    return Command(goto="work", update={"claim": {**state["claim"], "papers": papers}})


def decide(state: State) -> State:
    found = state["found"]
    settled = settlement_of(found["reader"], found["clerk"], found["detective"]["score"])
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
    if not any(number == state["number"] for number, _ in BOOKS):
        BOOKS.append((state["number"], state["settlement"]["amount"]))
        print(f"{state['number']} paid {state['settlement']['amount']}")
    return {}


def notify(state: State) -> State:
    POST.append((state["number"], f"We pay {state['settlement']['amount']}."))
    return {}


graph = StateGraph(State)
for node in (work, ask, documents, decide, review, pay, notify):
    graph.add_node(node.__name__, node)
graph.add_edge(START, "work")
graph.add_conditional_edges("work", is_complete)
graph.add_edge("ask", "documents")
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
            asked_for = result["__interrupt__"][0].value
            if asked_for["of"] == "documents":
                print(f"{number} waits for the claimant: {asked_for['wants']}")
                answer = {"type": "edit", "papers": [asked_for["wants"]]}
            else:
                who = next(people)
                if who in asked_for["approved_by"]:
                    print(f"{number} {who} does not count twice")
                elif not asked_for["approved_by"]:
                    print(f"{number} waits for a person: {asked_for['reason']}")
                answer = {"type": "approve", "by": who}
            result = await flow.ainvoke(Command(resume=answer), config)


if __name__ == "__main__":
    asyncio.run(main())
