"""A suite runs each example as a case, hides no failure, and keeps to itself."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from langsmith.evaluation import aevaluate
from typer.testing import CliRunner

from langgraph_switchboard.cli.evals import evaluate
from langgraph_switchboard.errors import InputRefused
from langgraph_switchboard.evals import load_dataset, run_eval
from langgraph_switchboard.evals.uploading import this_machine
from langgraph_switchboard.testing import LangSmithStub
from tests.eval_suites import EXAMPLES, Facts, broken, flow, length_near, said_right

ROOT = Path(__file__).parent.parent


async def test_each_example_is_a_case_and_each_metric_a_figure() -> None:
    """Scores, intervals and cases belong together, in the order of the dataset."""
    examples = load_dataset(EXAMPLES)

    report = await run_eval(
        flow, examples, [said_right, length_near], gates={"said_right": 0.75}, database="memory"
    )

    assert report.passed
    assert [one.case for one in report.examples] == [f"{report.run}/{n:03}" for n in (1, 2, 3, 4)]
    assert [one.example for one in report.examples] == [str(one.id) for one in examples]
    assert {m.key: (m.n, m.value) for m in report.metrics} == {
        "said_right": (4, 0.75),
        "length": (4, pytest.approx(0.45)),
        "alone": (3, 1.0),
    }
    assert report.examples[2].outputs["status"] == "waiting"
    assert report.examples[2].outputs["path"] == ["open", "answer", "gate"]
    assert report.examples[0].comments == {"length": "of ten"}
    assert report.flow == {"name": "mirror", "version": 1, "digest": flow.process().digest}


async def test_a_figure_under_its_gate_fails_the_run() -> None:
    """The same run with the gate lifted fails: the exit code hangs on it."""
    report = await run_eval(
        flow, load_dataset(EXAMPLES), [said_right], gates={"said_right": 0.76}, database="memory"
    )
    assert not report.passed
    assert not report.metric("said_right").passed


async def test_an_evaluator_that_raises_fails_the_run() -> None:
    """A score that is missing because of a fault is no score that does not apply."""
    report = await run_eval(flow, load_dataset(EXAMPLES), [said_right, broken], database="memory")
    assert not report.passed
    assert len(report.failures) == 4
    assert "the evaluator broken failed: KeyError" in report.failures[0]
    assert report.metric("said_right").n == 4


@pytest.mark.filterwarnings("ignore:'upload_results' parameter is in beta")
async def test_control_stock_aevaluate_hides_an_evaluator_that_raises() -> None:
    """The negative control: as it comes, the fault is a comment beside a missing score."""
    to = this_machine(load_dataset(EXAMPLES))

    async def target(inputs: dict[str, Any]) -> dict[str, Any]:
        return dict(inputs)

    results = await aevaluate(
        target, data=to.examples, evaluators=[broken], client=to.client, upload_results=False
    )
    rows = [row async for row in results]
    assert len(rows) == 4
    (result,) = rows[0]["evaluation_results"]["results"]
    assert result.score is None
    assert "no such field" in str(result.comment)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"key": "x"}, "is wanted"),
        ({"key": "x", "score": "good"}, "a number, a bool or None"),
        ({"key": "x", "score": float("nan")}, "a number, a bool or None"),
        (0.5, "is wanted"),
        ([{"key": "x", "score": 1}, {"key": "x", "score": 0}], "two evaluators give the metric 'x'"),
    ],
)
async def test_an_answer_that_is_no_score_fails_the_run(answer: Any, says: str) -> None:
    """What cannot be read as a score is not taken for one."""

    def odd(*, inputs: Facts, outputs: Facts, reference_outputs: Facts) -> Any:
        return answer

    report = await run_eval(flow, load_dataset(EXAMPLES)[:1], [odd], database="memory")
    assert not report.passed
    assert says in report.failures[0]


async def test_a_case_that_breaks_off_fails_the_run_and_stops_no_other() -> None:
    """An input that the flow refuses is told by its case; the others are scored all the same."""
    examples = load_dataset(EXAMPLES)
    examples[1] = examples[1].model_copy(update={"inputs": {"question": {"txt": "noon"}}})
    report = await run_eval(flow, examples, [said_right], database="memory")
    (failure,) = report.failures
    assert failure.startswith(f"{report.run}/002: the case broke off")
    assert report.metric("said_right").n == 3


async def test_no_examples_or_two_alike_are_refused() -> None:
    """An eval over nothing would pass, and two cases of one id would be one."""
    with pytest.raises(InputRefused, match="no example"):
        await run_eval(flow, [], [said_right], database="memory")
    example = load_dataset(EXAMPLES)[0]
    with pytest.raises(InputRefused, match="1 and 2 have the same inputs"):
        await run_eval(flow, [example, example], [said_right], database="memory")


async def run_program(mode: str, variables: Mapping[str, str]) -> list[str]:
    """The eval as a process with a clean set of LangSmith's variables; the connections it made."""
    clean = {
        name: text for name, text in os.environ.items() if not name.startswith(("LANGSMITH", "LANGCHAIN"))
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.eval_program", mode, env={**clean, **variables}, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, trouble = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, trouble.decode()
    connections: list[str] = json.loads(said.splitlines()[-1])
    return connections


@pytest.mark.parametrize("left_out", [("LANGSMITH_API_KEY", "LANGSMITH_TRACING"), ("LANGSMITH_TRACING",), ()])
async def test_nothing_leaves_the_machine_unless_it_is_asked_for(left_out: tuple[str, ...]) -> None:
    """No request and no connection, without a key, with one, and with tracing switched on."""
    with LangSmithStub() as langsmith:
        variables = {k: v for k, v in langsmith.environment().items() if k not in left_out}
        connections = await run_program("ours", variables)
        assert langsmith.requests == []
    assert connections == []


async def test_control_stock_aevaluate_sends_every_run() -> None:
    """The negative control: `upload_results=False` alone reaches the endpoint, without key and tracing."""
    with LangSmithStub() as langsmith:
        connections = await run_program("stock", {"LANGSMITH_ENDPOINT": langsmith.url})
        assert [one for one in langsmith.requests if one.path.endswith(("/multipart", "/batch"))]
    assert connections


@pytest.mark.pg
def test_the_command_says_by_its_exit_code_whether_the_gates_are_met(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`switchboard eval` prints figures, keeps them in a file, and fails with 1 at a gate."""
    monkeypatch.setenv("SWITCHBOARD_HOME", str(home))
    monkeypatch.delenv("SWITCHBOARD_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    runner, app = CliRunner(), typer.Typer()
    app.command()(evaluate)

    good = runner.invoke(app, ["tests.eval_suites:passing", "--json"], catch_exceptions=False)
    bad = runner.invoke(app, ["tests.eval_suites:too_high"], catch_exceptions=False)

    assert (good.exit_code, bad.exit_code) == (0, 1)
    line = json.loads(good.stdout.splitlines()[-1])
    assert line["passed"] is True
    assert line["metrics"]["said_right"]["value"] == 0.75
    rows = json.loads((tmp_path / line["file"]).read_text())["rows"]
    assert [row["scores"]["said_right"] for row in rows] == [1.0, 1.0, 1.0, 0.0]
    assert "FAILED" in bad.stdout
