"""Why a set is joined by exit nodes: the obvious ways to join, on plain LangGraph, beside ours.

A fails over to its fallback with a command, and that to a person; B has two steps. Then both are merged.
"""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from typing_extensions import TypedDict


def _union(left: list[str] | None, right: list[str] | None) -> list[str]:
    return sorted({*(left or []), *(right or [])})


class State(TypedDict, total=False):
    """Who has come, and who had come at each merge."""

    came: Annotated[list[str], _union]
    merges: list[list[str]]


async def _a(state: State) -> Command[Any]:
    return Command(goto="a_fallback")


async def _b(state: State) -> Command[Any]:
    return Command(goto="b_second")


async def _merge(state: State) -> dict[str, Any]:
    return {"merges": [*state.get("merges", []), state.get("came", [])]}


def joined(by: str) -> StateGraph[Any, Any, Any, Any]:
    """The graph, joined by a barrier from the steps or from their exits."""

    async def a_fallback(state: State) -> Command[Any]:
        return Command(goto="a_person")

    async def a_person(state: State) -> Command[Any]:
        return Command(goto="a_exit" if by == "exits" else "merge", update={"came": ["a"]})

    async def b_second(state: State) -> Command[Any]:
        return Command(goto="b_exit" if by == "exits" else [], update={"came": ["b"]})

    async def leave(state: State) -> dict[str, Any]:
        return {}

    graph = StateGraph(State)
    graph.add_node("a", _a)
    graph.add_node("b", _b)
    graph.add_node("a_fallback", a_fallback)
    graph.add_node("a_person", a_person)
    graph.add_node("b_second", b_second)
    graph.add_node("merge", _merge)
    graph.add_edge(START, "a")
    graph.add_edge(START, "b")
    graph.add_edge("merge", END)
    if by == "exits":
        graph.add_node("a_exit", leave)
        graph.add_node("b_exit", leave)
        graph.add_edge(["a_exit", "b_exit"], "merge")
    else:
        graph.add_edge(["a", "b_second"], "merge")
    return graph


@pytest.mark.parametrize(("by", "merges"), [("exits", 1), ("steps", 2)])
async def test_a_barrier_from_the_steps_themselves_merges_twice(by: str, merges: int) -> None:
    """The control: fed by the steps, the barrier fires beside the fallback's own way to the merge."""
    ended = await joined(by).compile().ainvoke({"came": []})
    assert len(ended["merges"]) == merges
    assert ended["merges"][0] == (["a", "b"] if by == "exits" else ["b"])
