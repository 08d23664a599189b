"""Running a suite: examples as cases, scored by LangSmith's `aevaluate`, kept on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import io
import time
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

from langsmith.schemas import Example

from langgraph_switchboard.errors import InputRefused
from langgraph_switchboard.evals.judging import Judge
from langgraph_switchboard.evals.report import EvalReport, Scored
from langgraph_switchboard.evals.scoring import metrics_of
from langgraph_switchboard.evals.suite import Evaluator
from langgraph_switchboard.evals.target import Target
from langgraph_switchboard.evals.uploading import Destination, langsmith, this_machine
from langgraph_switchboard.graphs import Blueprint
from langgraph_switchboard.models import Models
from langgraph_switchboard.postgres.aside import database_aside
from langgraph_switchboard.switchboard import Switchboard, load_blueprint, open_house

DATABASE = "switchboard_evals"
"""The database of eval cases on the embedded server: nobody must review or send what is only a trial."""


async def run_eval(
    flow: Blueprint | str,
    examples: Sequence[Example],
    evaluators: Sequence[Evaluator],
    *,
    gates: Mapping[str, float] | None = None,
    name: str = "",
    database: str | None = None,
    models: Models | None = None,
    concurrency: int = 16,
    upload: bool = False,
) -> EvalReport:
    """Run each example as a case, score it, and hold the figures against the gates.

    Args:
        flow: The flow, or "module:name".
        examples: What is run; `load_dataset` reads them from a file.
        evaluators: Who scores.
        gates: The least value of a metric with which the run passes.
        name: The suite's name; the flow's unless given.
        database: Where the cases lie; None takes a database of their own on the embedded
            server, never that of real cases. "memory" keeps nothing.
        models: Who answers `ask()`; chosen from the environment unless given.
        concurrency: How many examples at a time.
        upload: Send dataset and scores to LangSmith. Otherwise nothing leaves the machine,
            whatever LangSmith's variables say.

    Raises:
        InputRefused: There is no example, or two have the same inputs.
        ConfigurationError: `upload` is asked for without a key, or a setting is wrong.
        StoreUnavailable: Postgres cannot be started or reached.
    """
    if not examples:
        raise InputRefused("there is no example to score", where=name or "evals")
    blueprint = load_blueprint(flow) if isinstance(flow, str) else flow
    name = name or blueprint.name
    run = f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"
    failures: dict[str, list[str]] = {}
    judges = [Judge(one, failures) for one in evaluators]
    async with _trial_switchboard(database, models) as switchboard:
        about = switchboard.flow(blueprint)
        target = Target(switchboard, blueprint, run, examples)
        to = await asyncio.to_thread(langsmith, name, examples) if upload else this_machine(examples)
        started = time.perf_counter()
        rows = await _evaluate(target, to, judges, run, concurrency)
        seconds = time.perf_counter() - started
    scored = [_scored(target, example, rows.get(str(example.id)), failures) for example in to.examples]
    return EvalReport(
        name=name,
        run=run,
        flow={"name": about.name, "version": about.process.version, "digest": about.digest},
        metrics=metrics_of(_by_metric(scored), gates or {}),
        examples=scored,
        failures=[f"{case}: {said}" for case, sayings in sorted(failures.items()) for said in sayings],
        seconds=seconds,
        where=switchboard.where,
        uploaded=to.address,
    )


@asynccontextmanager
async def _trial_switchboard(database: str | None, models: Models | None) -> AsyncIterator[Switchboard]:
    async with AsyncExitStack() as stack:
        place = database or await stack.enter_async_context(database_aside(DATABASE))
        # Not traced: an eval's case is part of its experiment, and of nothing else.
        yield Switchboard(await stack.enter_async_context(open_house(place, models=models, traced=False)))


async def _evaluate(
    target: Target, to: Destination, judges: Sequence[Judge], run: str, concurrency: int
) -> dict[str, Any]:
    """The rows of `aevaluate` by example id."""
    from langsmith.evaluation import aevaluate

    with _quiet():
        results = await aevaluate(
            target.run,
            data=to.examples,
            # LangSmith takes lists of plain results, but its types do not say so.
            evaluators=cast("Any", [judge.score for judge in judges]),
            experiment_prefix=run,
            max_concurrency=concurrency,
            client=to.client,
            upload_results=to.uploads,
            blocking=False,
        )
    rows = {str(row["example"].id): row async for row in results}
    if to.uploads:
        await asyncio.to_thread(to.client.flush)
    return rows


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what LangSmith prints when it starts away from the screen: results stand there."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.filterwarnings("ignore", "'upload_results' parameter is in beta")
        yield


def _scored(target: Target, example: Example, row: Any, failures: dict[str, list[str]]) -> Scored:
    inputs = example.inputs or {}
    case = target.case_id(inputs)
    outputs = dict(row["run"].outputs or {}) if row is not None and row["run"] is not None else {}
    one = Scored(str(example.id), case, dict(example.metadata or {}), outputs, dict(example.outputs or {}))
    told = failures.setdefault(case, [])
    if not outputs:
        error = str(getattr(row and row["run"], "error", "")).strip().splitlines()
        told.append(f"the case broke off: {error[0] if error else 'nothing came out of it'}")
    elif "error" in outputs:
        told.append(f"the case broke off: {outputs['error']['problem']}")
    for result in row["evaluation_results"]["results"] if row is not None else ():
        if result.key in one.scores:
            told.append(f"two evaluators give the metric {result.key!r}")
        one.scores[result.key] = result.score
        if result.comment:
            one.comments[result.key] = result.comment
    return one


def _by_metric(scored: Sequence[Scored]) -> dict[str, list[float]]:
    scores: dict[str, list[float]] = {}
    for one in scored:
        for key, value in one.scores.items():
            scores.setdefault(key, []).extend([] if value is None else [value])
    return scores
