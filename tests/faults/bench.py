"""Many tickets through the desk while its model fails: what is completed, recovered, left to people, lost.

    make bench-faults [JSON=FILE] [N=10000] [CONCURRENCY=1000] [FAULTS=0.12] [LATENCY=0.3] [BASE=2]

Beside the desk, on the same server with the same faults: a sequential chain of three calls without any
guard, and a plain LangGraph graph with its own retry policy and structured output. A ticket is answered
right if what goes out is a right answer; wrong as right is what goes out all the same.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from langgraph_switchboard.postgres import running_server
from langgraph_switchboard.testing import FAULTS
from tests.faults.bench_baselines import Outcome, chain, stock
from tests.faults.bench_desk import DeskFigures, drive, judge, prepare
from tests.faults.kinds import KINDS

MIX = tuple(name for name in FAULTS if name != "no-usage")
"""The faults of the run, each as often as the others."""


@dataclass(frozen=True)
class Settings:
    """What is run.

    Args:
        tickets: How many.
        concurrency: How many at a time, over all processes.
        share: Share of requests that meet a fault.
        latency: Seconds of the median answer.
        base: Seconds before a second attempt; the desk's own policy is 2.
        processes: That drive the desk.
        seed: Another seed, other faults.
    """

    tickets: int = 10_000
    concurrency: int = 1_000
    share: float = 0.12
    latency: float = 0.3
    base: float = 2.0
    processes: int = 2
    seed: int = 7

    @classmethod
    def read(cls) -> Settings:
        """From the environment."""
        said = os.environ
        return cls(
            int(said.get("N", cls.tickets)),
            int(said.get("CONCURRENCY", cls.concurrency)),
            float(said.get("FAULTS", cls.share)),
            float(said.get("LATENCY", cls.latency)),
            float(said.get("BASE", cls.base)),
            int(said.get("PROCESSES", cls.processes)),
            int(said.get("SEED", cls.seed)),
        )

    def line(self) -> str:
        """One line for people."""
        load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
        return (
            f"{self.tickets:,} tickets, {self.concurrency:,} at a time in {self.processes} processes; "
            f"answers take {self.latency:g} s in the median (lognormal), {self.share:.0%} of requests fail "
            f"in {len(MIX)} ways; the first wait is {self.base:g} s; load {load}, {os.cpu_count()} CPUs"
        )


@contextmanager
def model_server(settings: Settings) -> Iterator[str]:
    """The model server in a process of its own; its address."""
    each = settings.share / len(MIX)
    command = [
        *(sys.executable, "-m", "langgraph_switchboard.testing.faulty_model_server"),
        *(part for name in MIX for part in ("--fault", f"{name}={each}")),
        *("--latency", str(settings.latency), "--seed", str(settings.seed), "--retry-after", "2"),
        *("--answer", "tests.faults.desk:grounded_answer"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip().removeprefix("OPENAI_BASE_URL=")
        try:
            yield url
        finally:
            process.terminate()


async def run(settings: Settings) -> dict[str, Any]:
    """The desk, the chain and the graph, one after the other, each on a server of its own."""
    say(settings.line())
    with model_server(settings) as url:
        desk, faults = await _desk(settings, url)
        say(f"the desk: {desk.line()}")
        requests = sum(faults.values())
        say(f"  {requests - faults.get('ok', 0):,} of {requests:,} requests met a fault")
    beside: dict[str, Outcome] = {}
    for name, baseline in (("chain of three calls", chain), ("plain LangGraph", stock)):
        with model_server(settings) as url:
            began = time.perf_counter()
            beside[name] = await baseline(url, settings.tickets, settings.concurrency)
            say(f"{name}: {beside[name].line()}, {time.perf_counter() - began:.0f} s")
    figures = {**desk.figures(), "chain": beside["chain of three calls"].figures()}
    return {**figures, "langgraph": beside["plain LangGraph"].figures(), "settings": vars(settings)}


async def _desk(settings: Settings, url: str) -> tuple[DeskFigures, dict[str, int]]:
    with tempfile.TemporaryDirectory(prefix="switchboard-faults-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o711)  # noqa: PTH101 - the server may run under another account
        with running_server(Path(folder) / "server") as server:
            await prepare(server.dsn, url)
            began = time.perf_counter()
            await asyncio.gather(
                *(_worker(settings, url, server.dsn, one) for one in range(settings.processes))
            )
            seconds = time.perf_counter() - began
            async with httpx.AsyncClient() as client:
                faults = (await client.get(f"{url}/served", timeout=60)).json()
            return await judge(server.dsn, settings.tickets, seconds, KINDS), faults


async def _worker(settings: Settings, url: str, dsn: str, number: int) -> None:
    job = {
        "dsn": dsn,
        "url": url,
        "first": number,
        "step": settings.processes,
        "tickets": settings.tickets,
        "concurrency": max(1, settings.concurrency // settings.processes),
        "base": settings.base,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.bench", "--drive", json.dumps(job)
    )
    if await process.wait():
        raise SystemExit(f"process {number} of the desk ended with {process.returncode}")


def say(line: str) -> None:
    """Say a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Run; with a file its last line is one line of JSON."""
    logging.disable(logging.ERROR)  # failing models are what this is about
    if sys.argv[1:2] == ["--drive"]:
        asyncio.run(drive(**json.loads(sys.argv[2])))
        return
    line = json.dumps(asyncio.run(run(Settings.read())))
    say(line)
    if len(sys.argv) > 1:
        with Path(sys.argv[1]).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


if __name__ == "__main__":
    main()
