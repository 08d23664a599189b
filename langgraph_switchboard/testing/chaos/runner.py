"""The fork server: everything is imported once, and each attempt at a case is a fork that may be killed.

    python -m langgraph_switchboard.testing.chaos.runner

It reads one JSON object per line. `{"job": {...}}` says what to work on. `{"warm": true}` drives
a case in the server itself, which leaves nothing to import to the forks. `{"points": [...]}`
asks for a trial and is answered with one line: an attempt per point, each killed at its own,
and a last one that nobody kills.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from langgraph_switchboard.testing.chaos.evidence import look
from langgraph_switchboard.testing.chaos.laws import Ending
from langgraph_switchboard.testing.chaos.points import Point, Reaper, watched
from langgraph_switchboard.testing.chaos.subject import Bench, Subject, load_subject
from langgraph_switchboard.testing.chaos.world import World, happenings

LIMIT = 40
"""Seconds for one attempt; then the kernel ends it, and the trial counts as broken."""


@dataclass(frozen=True)
class Job:
    """What a runner works on.

    Args:
        subject: `"module:factory"`.
        args: What the factory is called with.
        dsn: A database, used by all runners of the sweep.
        folder: Where the outside worlds of the trials are kept.
        cases: How many cases an attempt drives at once.
    """

    subject: str
    args: dict[str, Any]
    dsn: str
    folder: str
    cases: int = 1


@dataclass
class Trial:
    """What came of one trial.

    Args:
        marks: The points that the last attempt passed, by label.
        reached: Whether each attempt met its point.
        endings: How each case stood at the end; empty where the last attempt failed.
        waited: Seconds that the last attempt waited for the dead owner.
        seconds: How long the trial took.
        error: Why the last attempt failed.
    """

    marks: list[str]
    reached: list[bool]
    endings: list[Ending] = field(default_factory=list)
    waited: float = 0.0
    seconds: float = 0.0
    error: str = ""


class Runner:
    """Runs the trials of one job.

    Args:
        job: What to work on.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._subject: Subject = load_subject(job.subject, job.args)

    def warm_up(self) -> None:
        """Drive a case in this very process, so that no fork has to import or compile anything."""
        world = Path(self._job.folder) / f"{uuid4().hex}.jsonl"
        reaper = Reaper()
        with World(world, reaper).around():
            asyncio.run(self._drive([f"c-{uuid4().hex[:12]}"], world, reaper, is_last=True))
        world.unlink(missing_ok=True)

    def trial(self, points: Sequence[Point]) -> Trial:
        """Break cases off at each point in turn, and look how they end."""
        started = time.perf_counter()
        cases = [f"c-{uuid4().hex[:12]}" for _ in range(self._job.cases)]
        world = Path(self._job.folder) / f"{cases[0]}.jsonl"
        reached, told = [], dict[str, Any]()
        for point in (*points, None):
            told = self._attempt(cases, world, point)
            reached.append(told.get("killed", False) or told.get("refused", 0) > 0)
        trial = Trial(told.get("marks", []), reached[:-1], waited=told.get("waited", 0.0))
        trial.error = told.get("error", "") or ("the last attempt was ended" if told.get("killed") else "")
        trial.endings = [Ending(**one) for one in told.get("endings", ())]
        trial.seconds = time.perf_counter() - started
        world.unlink(missing_ok=True)
        return trial

    def _attempt(self, cases: list[str], world: Path, point: Point | None) -> dict[str, Any]:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            self._live(cases, world, point, write)
        os.close(write)
        with os.fdopen(read) as pipe:
            said = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if said:
            told: dict[str, Any] = json.loads(said)
            return told
        error = "" if status == -signal.SIGKILL else f"the attempt ended with {status}"
        return {"killed": status == -signal.SIGKILL, "error": error}

    def _live(self, cases: list[str], world: Path, point: Point | None, write: int) -> None:
        """The life of a fork; it never returns."""
        signal.alarm(LIMIT)
        reaper = Reaper(point)
        told: dict[str, Any] = {}
        try:
            with World(world, reaper).around():
                told = asyncio.run(self._drive(cases, world, reaper, is_last=point is None))
        except BaseException:
            told["error"] = traceback.format_exc(limit=-6)
        told["refused"] = reaper.refused
        with os.fdopen(write, "w") as pipe:
            json.dump(told, pipe)
        os._exit(0)

    async def _drive(self, cases: list[str], world: Path, reaper: Reaper, *, is_last: bool) -> dict[str, Any]:
        async with self._subject.open(self._job.dsn, watched(reaper)) as bench:
            before = [self._look(case, world) for case in cases]
            reaper.armed = True
            await asyncio.gather(*(bench.drive(case) for case in cases))
            reaper.armed = False
            told = {"marks": reaper.marks, "waited": bench.waited}
            if not is_last:
                return told
            endings = [await self._ending(bench, case, world) for case in cases]
        for ending, one in zip(endings, before, strict=True):
            ending.disagree.extend(one["disagree"])
            ending.early.extend(one["early"])
        return {**told, "endings": [asdict(ending) for ending in endings]}

    async def _ending(self, bench: Bench, case: str, world: Path) -> Ending:
        facts = await bench.facts(case)
        now = self._look(case, world)
        done = [one.key for one in happenings(world) if one.kind == "effect" and one.case_id in (case, "")]
        rest, effects, happened = json.loads(
            json.dumps([facts.rest, facts.effects, done]).replace(case, "CASE")
        )
        disagree = [*facts.disagree, *now["disagree"]]
        return Ending(facts.status, facts.outcome, rest, effects, happened, disagree, rungs=facts.rungs)

    def _look(self, case: str, world: Path) -> dict[str, list[str]]:
        return asdict(look(self._job.dsn, case, world, ledger=self._subject.ledger))


def main() -> None:
    """Answer line by line until the input ends."""
    logging.disable(logging.ERROR)  # killed and refused statements are what this is about
    runner: Runner | None = None
    for line in iter(sys.stdin.readline, ""):
        asked = json.loads(line)
        if "job" in asked:
            runner = Runner(Job(**asked["job"]))
        assert runner is not None, "a job comes first"
        if "warm" in asked:
            runner.warm_up()
            gc.collect()
            gc.freeze()
        if "points" in asked:
            trial = runner.trial([Point(**one) for one in asked["points"]])
            sys.stdout.write(json.dumps(asdict(trial)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
