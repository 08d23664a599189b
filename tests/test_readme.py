"""What the README shows is run: every program, every printed output, every link, every figure of a file."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from langgraph_switchboard.switchboard import load_blueprint

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Fence:
    """One fenced block: its language, its text, and the heading that it stands under."""

    language: str
    text: str
    heading: str


def fences() -> list[Fence]:
    """The fenced blocks of the README, in order."""
    found, heading = [], ""
    for match in re.finditer(r"^#+ ([^\n]+)$|^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        if match[1]:
            heading = match[1]
        else:
            found.append(Fence(match[2], match[3], heading))
    return found


def under(heading: str, language: str) -> str:
    """The text of the one fence in `language` under a heading."""
    (only,) = [one.text for one in fences() if (one.heading, one.language) == (heading, language)]
    return only


def run(program: str, folder: Path, **settings: str) -> str:
    """What a program prints that lies in a file of its own; warnings are errors."""
    file = folder / "program.py"
    file.write_text(program, encoding="utf-8")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SWITCHBOARD", "OPENAI"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(file)],
        check=False,  # the assert below shows what it said
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), "LANGSMITH_TRACING": "false", **settings},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_screen_is_a_program_and_prints_what_it_says(tmp_path: Path) -> None:
    """One contract, one agent, one blueprint, one run with its story, in under 40 lines."""
    program = under("langgraph-switchboard", "python")

    assert len(program.splitlines()) < 40
    assert run(program, tmp_path) == under("langgraph-switchboard", "text")


@pytest.mark.pg
def test_the_same_program_runs_on_postgres(tmp_path: Path, pg_dsn: str) -> None:
    """Without `database="memory"` the story is the same, and the case is still there afterwards."""
    program = under("langgraph-switchboard", "python")
    durable = program.replace('database="memory"', "")
    assert durable != program

    printed = run(durable, tmp_path, SWITCHBOARD_DATABASE_URL=pg_dsn)

    assert printed == under("langgraph-switchboard", "text")
    with psycopg.connect(pg_dsn) as connection:
        assert connection.execute("SELECT status FROM switchboard.cases").fetchall() == [("finished",)]


@pytest.mark.pg
def test_the_saver_alone_is_a_program_and_prints_what_it_says(tmp_path: Path, pg_dsn: str) -> None:
    """A drop-in: an ordinary graph, many runs at once, on Postgres."""
    printed = run(under("The saver alone", "python"), tmp_path, SWITCHBOARD_DATABASE_URL=pg_dsn)

    assert printed == under("The saver alone", "text")


def test_an_agent_is_added_by_one_function_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change that the README shows applies to the desk as it is, and the check has no complaint."""
    desk = (ROOT / "graphs" / "support_desk.py").read_text(encoding="utf-8")
    old, named, declared = under("Change it: add an agent", "diff").splitlines()
    before_gate = "desk.gate("
    assert old[1:] in desk
    changed = desk.replace(old[1:], named[1:]).replace(before_gate, f"{declared[1:]}\n{before_gate}", 1)
    function = under("Change it: add an agent", "python")
    (tmp_path / "readme_travel_desk.py").write_text(function + changed, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    blueprint = load_blueprint("readme_travel_desk:desk")

    assert blueprint.check() == []
    assert "travel" in blueprint.process().steps["supervisor"].agents
    assert "travel" in blueprint.build().nodes


def test_every_python_program_of_the_readme_is_among_those_that_are_run() -> None:
    """A new program in the README needs a test of its own here."""
    assert [one.heading for one in fences() if one.language == "python"] == [
        "langgraph-switchboard",
        "Change it: add an agent",
        "The saver alone",
    ]


def test_every_link_leads_somewhere() -> None:
    """The drawing of the parts links into the tree; a file that moves takes its link along."""
    places = [place for place in re.findall(r"\]\(([^)]+)\)", README) if "://" not in place]

    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_the_settings_in_the_table_are_those_that_the_code_reads() -> None:
    """No setting without a line in the table, and no line without a setting."""
    listed = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    table = set(re.findall(r"SWITCHBOARD_[A-Z_]+", listed))
    folders = ("langgraph_switchboard", "nodes", "graphs", "checkpoints", "evals")
    sources = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    read = {
        name for file in sources for name in re.findall(r"\bSWITCHBOARD_[A-Z_]+\b", file.read_text("utf-8"))
    }

    assert table == read | {"SWITCHBOARD_DATA"}  # which only tests and benchmarks read
    assert set(re.findall(r"SWITCHBOARD_[A-Z_]+", README)) <= table


def test_the_figures_of_files_in_the_readme_are_theirs() -> None:
    """Counts that a reader can check: tickets of the demo, tickets to learn from, help articles."""
    demo = _lines("evals/datasets/demo_tickets.jsonl")
    learned = _lines("evals/datasets/topics.jsonl")
    articles = len(list((ROOT / "nodes" / "knowledge").glob("*.md")))

    assert f"runs {demo} tickets" in README
    assert f"our own {learned:,} tickets" in " ".join(README.split())
    assert articles > 70


def _lines(file: str) -> int:
    return len((ROOT / file).read_text(encoding="utf-8").splitlines())
