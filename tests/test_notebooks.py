"""Each notebook runs from top to bottom in a fresh kernel, and is kept without outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from langgraph_switchboard.postgres import EmbeddedServer

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(autouse=True)
def at_home(pg: EmbeddedServer, open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notebooks keep their cases in the server of the tests, not in that of whoever runs them."""
    monkeypatch.setenv("SWITCHBOARD_HOME", str(open_folder / "session"))
    monkeypatch.setenv("SWITCHBOARD_MODEL", "offline")
    monkeypatch.delenv("SWITCHBOARD_DATABASE_URL", raising=False)


pytestmark = pytest.mark.filterwarnings(
    # The kernel's client speaks ZeroMQ over loop hooks of its own.
    "ignore::DeprecationWarning:jupyter_client",
    "ignore::DeprecationWarning:zmq",
)


async def execute(notebook: Any) -> None:
    """Run it from the repository's root, in a kernel that is gone afterwards.

    Raises:
        CellExecutionError: A cell failed, or an assert did not hold.
    """
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}
    )
    await client.async_execute()


def read(path: Path) -> Any:
    """The notebook, in the present format."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def test_there_is_a_notebook() -> None:
    """A test over an empty folder would pass for ever."""
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
async def test_a_notebook_runs_to_its_end(path: Path) -> None:
    """What is shown is run, and holds: the last cell asserts."""
    notebook = read(path)
    await execute(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert "assert " in cells[-1].source
    assert all(cell.execution_count for cell in cells)


async def test_control_a_cell_that_fails_fails_the_test() -> None:
    """The negative control: an assert that does not hold is not passed over."""
    wrong = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("assert 1 == 2")])  # type: ignore[no-untyped-call]
    with pytest.raises(CellExecutionError, match="AssertionError"):
        await execute(wrong)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    """Outputs in the repository would be old news, and hide what a run really shows."""
    for cell in read(path).cells:
        assert not cell.get("outputs"), cell.source[:60]
        assert cell.get("execution_count") is None
