"""The pytest plugin: a user's own blueprint under kill -9."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.pg, pytest.mark.chaos]


def run(dsn: str, flow: str, points: int, inputs: str | None, *more: str) -> subprocess.CompletedProcess[str]:
    """Start pytest as a user does, with no test files named."""
    words = [f"--switchboard-chaos={flow}", f"--switchboard-chaos-points={points}", "-p", "no:cacheprovider"]
    words += ["--switchboard-chaos-database", dsn, *more]
    words += ["--switchboard-chaos-input", inputs] if inputs else []
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=REPOSITORY, check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture
def letters(tmp_path: Path) -> str:
    """A file with one input."""
    file = tmp_path / "letters.jsonl"
    file.write_text(json.dumps({"inputs": {"letter": {"text": "When do you open?"}}}) + "\n", "utf-8")
    return str(file)


def test_a_flow_that_keeps_the_rules_passes(pg_dsn: str, letters: str) -> None:
    """The sweep is a test of its own, and the summary says what was tried."""
    done = run(pg_dsn, "tests.chaos.own_flows:kept", 4, letters)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert re.search(r"^4 points tried", done.stdout, re.MULTILINE)


def test_a_case_that_is_killed_while_it_asks_for_leave_is_finished(pg_dsn: str, letters: str) -> None:
    """Before and after the one statement of the limits; by any process that takes it up."""
    done = run(pg_dsn, "tests.chaos.own_flows:bounded", 3, letters, "--switchboard-chaos-at", "limits_turn")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 points tried" in done.stdout


def test_a_flow_that_acts_behind_the_switchboards_back_fails_the_session(pg_dsn: str, letters: str) -> None:
    """The control: an effect outside its context is done twice, and the sweep says at which point."""
    done = run(pg_dsn, "tests.chaos.own_flows:broken", 2, letters, "--switchboard-chaos-at", "effect answer")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "'doubled': 'answer'" in done.stdout


def test_the_support_desk_survives(pg_dsn: str) -> None:
    """The reference application, on its own demo tickets."""
    done = run(pg_dsn, "graphs.support_desk:desk", 4, "evals/datasets/demo_tickets.jsonl")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 points tried" in done.stdout


def test_a_sweep_without_inputs_says_what_is_missing(pg_dsn: str) -> None:
    """The option is named, and nothing is started."""
    done = run(pg_dsn, "tests.chaos.own_flows:kept", 2, None)

    assert done.returncode != 0
    assert "--switchboard-chaos-input" in done.stdout + done.stderr


def test_the_plugin_loads_nothing_heavy() -> None:
    """Every pytest start in the environment imports it."""
    program = (
        "import sys, langgraph_switchboard.testing.plugin; print(*{m.split('.')[0] for m in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & {"langgraph", "langchain_core", "psycopg", "pydantic"} == set()
