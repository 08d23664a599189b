"""The sweep: kill at every point, let somebody else go on, and compare with the undisturbed run."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from langgraph_switchboard.errors import StepFailed
from langgraph_switchboard.testing.chaos.laws import Ending, judge, varying
from langgraph_switchboard.testing.chaos.points import Point, When
from langgraph_switchboard.testing.chaos.report import Failure, Report
from langgraph_switchboard.testing.chaos.runner import Job, Trial

Progress = Callable[[int, int], None]

WORKERS = 2
_SHORTEST = 3
"""Statements that even the recovery of a case that has ended comes to."""
KILLS: tuple[When, ...] = ("before", "during", "after")


@dataclass(frozen=True)
class Plan:
    """Which points of which subject.

    Args:
        name: What the report calls it.
        subject: `"module:factory"`, see `Subject`.
        args: What the factory is called with; JSON-plain.
        whens: Before, during, after each statement and effect; or refused.
        at: Only statements and effects whose text holds this.
        most: At most so many points, drawn at random; None takes all.
        doubles: Further trials that are killed again at a random point of the recovery.
        seed: Of the draws.
        cases: How many cases one process drives at once.
    """

    name: str
    subject: str
    args: dict[str, Any]
    whens: tuple[When, ...] = KILLS
    at: str = ""
    most: int | None = None
    doubles: int = 0
    seed: int = 0
    cases: int = 1


class Sweeper:
    """Sweeps one subject after the other in the same two fork servers.

        with sweeper(dsn) as chaos:
            report = chaos.sweep(plan)

    Args:
        dsn: A database to do it in: it is filled with cases.
        folder: Where the outside worlds of the trials are kept.
        workers: The fork servers.
    """

    def __init__(self, dsn: str, folder: str, workers: Sequence[_Worker]) -> None:
        self._dsn = dsn
        self._folder = folder
        self._workers = workers

    def sweep(self, plan: Plan, *, progress: Progress = lambda done, of: None) -> Report:
        """Try every point of a plan.

        Args:
            plan: What to sweep.
            progress: Called after each trial with how many are done, and of how many.

        Raises:
            StepFailed: The undisturbed run did not come to its end.
        """
        started = time.perf_counter()
        report = Report(plan.name)
        for worker in self._workers:
            worker.say({"job": asdict(Job(plan.subject, plan.args, self._dsn, self._folder, plan.cases))})
        undisturbed, varies = _undisturbed(self._workers[0], report)
        for worker in self._workers:
            worker.say({"warm": True})
        trials = _trials(plan, report.marks)
        free: SimpleQueue[_Worker] = SimpleQueue()
        for worker in self._workers:
            free.put(worker)

        def one(points: tuple[Point, ...]) -> Trial:
            worker = free.get()
            try:
                return worker.trial(points)
            finally:
                free.put(worker)

        with ThreadPoolExecutor(len(self._workers)) as threads:
            for done, (points, trial) in enumerate(zip(trials, threads.map(one, trials), strict=True), 1):
                _note(report, points, trial, undisturbed, varies)
                progress(done, len(trials))
        report.seconds = time.perf_counter() - started
        return report


@contextmanager
def sweeper(dsn: str) -> Iterator[Sweeper]:
    """A sweeper for as long as the block runs.

    Args:
        dsn: A database to do it in: it is filled with cases.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="switchboard-chaos-"))
        log = Path(folder) / "runner.log"
        yield Sweeper(dsn, folder, [stack.enter_context(_worker(log)) for _ in range(WORKERS)])


def _undisturbed(worker: _Worker, report: Report) -> tuple[Ending, set[str]]:
    """How a case ends that nobody disturbs; run twice, since what varies by itself proves nothing."""
    one, other = worker.trial(()), worker.trial(())
    if one.error or other.error:
        raise StepFailed("the undisturbed run failed", where=report.name, came=one.error or other.error)
    report.marks = one.marks
    varies = varying(one.endings[0].rest, other.endings[0].rest)
    report.varies = sorted(varies)
    return one.endings[0], varies


def _trials(plan: Plan, marks: Sequence[str]) -> list[tuple[Point, ...]]:
    draw = random.Random(plan.seed)
    every = [
        Point(number, when)
        for number, label in enumerate(marks, start=1)
        for when in plan.whens
        if plan.at in label and not (when == "during" and _is_instant(label))
    ]
    singles = every if plan.most is None else sorted(draw.sample(every, min(plan.most, len(every))), key=str)
    twice = [_twice(draw, plan, every, len(marks)) for _ in range(plan.doubles)]
    return [*((point,) for point in singles), *twice]


def _twice(draw: random.Random, plan: Plan, every: Sequence[Point], length: int) -> tuple[Point, Point]:
    first = draw.choice(every)
    left = max(length - first.number, _SHORTEST)  # a recovery passes what is left, and little more
    return first, Point(draw.randint(1, left), draw.choice(plan.whens))


def _is_instant(label: str) -> bool:
    return label.startswith(("effect ", "entry "))


def _note(
    report: Report, points: tuple[Point, ...], trial: Trial, undisturbed: Ending, varies: set[str]
) -> None:
    if not trial.reached[0] and not trial.error:
        report.unreached += 1
        return
    report.points += 1
    report.doubles += len(trial.reached) > 1 and trial.reached[1]
    report.kinds[points[0].when] += 1
    report.waited.append(trial.waited)
    report.trial_seconds.append(trial.seconds)
    broken: dict[str, str] = {"broke": trial.error} if trial.error else {}
    for ending in trial.endings:
        found = judge(ending, undisturbed, varies)
        if points[0].when == "refused" and ending.status == "dead_lettered":
            found.pop("wrong", None)  # what the server refuses for good may take the ladder
        broken |= found
    if broken:
        at = report.marks[points[0].number - 1]
        report.failures.append(Failure(" then ".join(map(str, points)), at, broken))


class _Worker:
    """A runner in a process of its own, spoken to line by line."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log

    def say(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def trial(self, points: Sequence[Point]) -> Trial:
        self.say({"points": [asdict(point) for point in points]})
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise StepFailed(
                "a runner ended", where="chaos", came=self._log.read_text(encoding="utf-8")[-4000:]
            )
        told: dict[str, Any] = json.loads(answer)
        endings = [Ending(**one) for one in told.pop("endings")]
        return Trial(**told, endings=endings)


@contextmanager
def _worker(log: Path) -> Iterator[_Worker]:
    # Modules are found as they are found here; no model is asked, and nothing is traced.
    mine = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "SWITCHBOARD_MODEL": "offline"}
    with log.open("a", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "langgraph_switchboard.testing.chaos.runner"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
            env={**os.environ, **mine},
        )  # fmt: skip
    with process:  # its input is closed at the end, and with that it ends
        yield _Worker(process, log)
