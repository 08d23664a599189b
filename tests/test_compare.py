"""The comparison in docs/compare.md: its programs run, print the same, and are counted as it says."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.compare.common import CLAIMS_PRINT, DESK_PRINTS
from docs.compare.count import FLOWS, lines_of, table

DOCS = Path(__file__).parent.parent / "docs"
NEEDS = {
    "switchboard": "langgraph_switchboard",
    "langgraph": "langgraph",
    "supervisor": "langgraph_supervisor",
    "crewai": "crewai",
}
HERE = [framework for framework, package in NEEDS.items() if importlib.util.find_spec(package) is not None]
"""The frameworks that are installed; langgraph-supervisor and CrewAI are no dependencies of ours."""
PRINTS = {"desk": DESK_PRINTS, "claims": CLAIMS_PRINT}


@pytest.mark.parametrize("framework", HERE)
@pytest.mark.parametrize("flow", FLOWS)
def test_every_program_does_the_same(flow: str, framework: str, tmp_path: Path) -> None:
    """Which claim is paid, who waits for whom, whose approval does not count: line by line."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", DOCS / "compare" / f"{flow}_{framework}.py"],
        cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    said = [line for line in done.stdout.splitlines() if re.match(r"[TC]-\d ", line)]
    # CrewAI draws boxes between the lines, sometimes on the same one.
    assert [line.partition("╭")[0] for line in said] == PRINTS[flow].splitlines(), done.stderr[-2000:]
    assert done.returncode == 0


def test_the_figures_of_the_page_are_those_of_the_programs() -> None:
    """Whoever shortens a program counts again: `python docs/compare/count.py`."""
    assert table() in (DOCS / "compare.md").read_text(encoding="utf-8")


def test_lines_that_hold_no_code_are_not_counted() -> None:
    """Blank lines, comments and docstrings; a text over several lines counts with all of them."""
    head = '"""Says what it is."""\n\nimport os\n\n# why\nx = """a\nb"""  # text\n\n\n'
    program = f'{head}def main():\n    """Go."""\n    os.abort()\n'
    assert lines_of(program) == 5
    assert lines_of(program, process=True) == 2
