"""Strongly connected components: the steps of which each can come to each other, in rounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from langgraph_switchboard.graphs.assignment import Arc


def components(nodes: Sequence[str], arcs: Iterable[Arc]) -> Iterator[frozenset[str]]:
    """Every component in which there is a round, found in one pass (Tarjan's), without recursion.

    Args:
        nodes: All nodes; the order decides in which order components are found.
        arcs: All ways between them.
    """
    onward: dict[str, list[str]] = {node: [] for node in nodes}
    for arc in arcs:
        onward[arc.source].append(arc.to)
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    stacked: set[str] = set()
    for root in nodes:
        if root in number:
            continue
        path = [(root, iter(onward[root]))]
        number[root] = lowest[root] = len(number)
        stack.append(root)
        stacked.add(root)
        while path:
            node, ways = path[-1]
            for to in ways:
                if to not in number:
                    number[to] = lowest[to] = len(number)
                    stack.append(to)
                    stacked.add(to)
                    path.append((to, iter(onward[to])))
                    break
                if to in stacked:
                    lowest[node] = min(lowest[node], number[to])
            else:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[node])
                if lowest[node] == number[node]:
                    last, members = "", set[str]()
                    while last != node:
                        last = stack.pop()
                        members.add(last)
                    stacked -= members
                    found = frozenset(members)
                    if len(found) > 1 or node in onward[node]:
                        yield found
