"""`switchboard eval NAME`: a suite's examples through its flow, scored, and held against its gates."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from langgraph_switchboard.cli.project import import_from_here
from langgraph_switchboard.cli.screen import err, out, print_json, run_async, say
from langgraph_switchboard.evals import EvalReport, EvalSuite, Metric, load_dataset, load_suite, run_eval

_SHOWN = 10


def evaluate(
    name: Annotated[
        str, typer.Argument(help="evals/NAME.py, or module:name of an EvalSuite.")
    ] = "support_desk",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many examples.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="How many examples at a time.")] = 16,
    database: Annotated[
        str | None,
        typer.Option(help="Where the cases lie; one of their own on the embedded server unless given."),
    ] = None,
    upload: Annotated[
        bool, typer.Option("--upload", help="Send dataset and scores to LangSmith; needs LANGSMITH_API_KEY.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """Score a flow on labelled examples; the exit code is 1 if a gate is not met."""
    import_from_here()
    suite = load_suite(name)
    report = run_async(_run(name, suite, limit, concurrency, database, upload))
    path = report.write()
    if as_json:
        print_json({**report.summary(), "file": str(path)}, indent=None)
    else:
        _show(report)
        say(f"every example with its scores: {path}")
    if not report.passed:
        raise typer.Exit(1)


async def _run(
    name: str, suite: EvalSuite, limit: int | None, concurrency: int, database: str | None, upload: bool
) -> EvalReport:
    examples = load_dataset(suite.dataset)[:limit]
    say(f"{len(examples)} examples from {suite.dataset.name} through {suite.flow}")
    report = await run_eval(
        suite.flow,
        examples,
        suite.evaluators,
        gates=suite.gates,
        name=name.rpartition(":")[0].rpartition(".")[2] or name,
        database=database,
        concurrency=concurrency,
        upload=upload,
    )
    say(report.where)
    return report


def _show(report: EvalReport) -> None:
    table = Table("metric", "n", "value", "95% interval", "gate", "")
    for metric in report.metrics:
        table.add_row(*_cells(metric))
    out.print(table)
    for failure in report.failures[:_SHOWN]:
        err.print(failure, markup=False, soft_wrap=True, style="red")
    for line in _below(report):
        say(line)
    speed = len(report.examples) / report.seconds
    verdict = "[green]passed[/green]" if report.passed else "[red]failed[/red]"
    out.print(f"{report.run}: {verdict} ({report.seconds:.1f} s, {speed:.1f} examples/s)", highlight=False)
    if report.uploaded:
        out.print(report.uploaded, markup=False)


def _cells(metric: Metric) -> tuple[str, ...]:
    if metric.value is None or metric.interval is None:
        figures = ("-", "-")
    else:
        figures = (f"{metric.value:.3f}", f"{metric.interval.low:.3f} to {metric.interval.high:.3f}")
    gate = "" if metric.gate is None else f">= {metric.gate:.3f}"
    mark = "" if metric.gate is None else "[green]ok[/green]" if metric.passed else "[red]FAILED[/red]"
    return (metric.key, str(metric.n), *figures, gate, mark)


def _below(report: EvalReport) -> list[str]:
    """What evaluators said where a failed gate's metric is under 1, a few cases of each."""
    lines = []
    for key in (metric.key for metric in report.metrics if not metric.passed):
        wrong = [one for one in report.examples if one.scores.get(key) not in (None, 1.0)]
        lines += [f"{key}: {one.case}: {one.comments.get(key, '')}" for one in wrong[:_SHOWN]]
    return lines
