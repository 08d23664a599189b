"""A program of its own, for the tests of what leaves the machine: an eval that tells of each connection.

`ours` runs the small flow with `run_eval`; `stock` runs LangSmith's `aevaluate` as it comes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from langchain_core.tracers.langchain import wait_for_all_tracers

CONNECTIONS: list[str] = []


def watch(event: str, args: tuple[Any, ...]) -> None:
    """Note each address that a socket of this process is connected to."""
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        CONNECTIONS.append(f"{event} {args[1] if event == 'socket.connect' else args[0]}")


async def main(mode: str) -> None:
    from langgraph_switchboard.evals import load_dataset, run_eval
    from tests.eval_suites import EXAMPLES, flow, length_near, said_right

    examples = load_dataset(EXAMPLES)
    if mode == "ours":
        report = await run_eval(flow, examples, [said_right, length_near], database="memory")
        assert report.metric("said_right").value == 0.75, report.summary()
        return
    from langsmith.evaluation import aevaluate

    graph = flow.build().compile()
    await aevaluate(as_target(graph), data=examples, evaluators=[always_one], upload_results=False)
    wait_for_all_tracers()


def as_target(graph: Any) -> Any:
    async def target(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"outcome": str(await graph.ainvoke(inputs))}

    return target


def always_one(outputs: dict[str, Any]) -> dict[str, Any]:
    return {"key": "one", "score": 1}


if __name__ == "__main__":
    sys.addaudithook(watch)
    asyncio.run(main(sys.argv[1]))
    print(json.dumps(CONNECTIONS))
