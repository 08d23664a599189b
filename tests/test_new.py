"""`switchboard new`: what it lays out runs at once, with the wheel alone, away from this repository."""

import os
import re
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from langgraph_switchboard.cli.new import lay, new
from langgraph_switchboard.errors import ConfigurationError

ROOT = Path(__file__).parent.parent
AGENT = '''async def lost_things(question: Question) -> Answer:
    """Say where lost things are: umbrella, scarf, found, lost, left."""
    return Answer(text="Lost things are kept at the desk for 30 days.", confidence=0.8)
'''


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """A fresh virtual environment with the wheel in it.

    What the wheel needs is lent to it from the environment of the tests, so that nothing is fetched;
    the library itself is not: the path file of an editable install is not read there.
    """
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    run([*pip, "install", "--no-deps", "--no-index", "--quiet", str(wheel)], folder)
    return folder


def run(command: list[str], folder: Path, **settings: str) -> str:
    """What a command prints that knows nothing of this repository."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SWITCHBOARD", "OPENAI", "LANGSMITH", "MAKE", "PYTEST", "COV"))
        and name not in ("PYTHONPATH", "VIRTUAL_ENV", "MFLAGS")
    }
    done = subprocess.run(
        command,
        check=False,  # the assert below shows what it said
        cwd=folder,
        env={**kept, **settings},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def active(installed: Path, **settings: str) -> dict[str, str]:
    """The settings of a shell in which the environment is active."""
    path = f"{installed / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {"VIRTUAL_ENV": str(installed), "PATH": path, **settings}


@pytest.mark.pg
def test_a_new_project_runs_at_once_with_the_wheel_alone(installed: Path, tmp_path: Path, home: Path) -> None:
    """`make demo` and `make test` pass there, and adding an agent takes one function and one line."""
    shell = active(installed, SWITCHBOARD_HOME=str(home))
    found = run(["python", "-c", "import langgraph_switchboard as it; print(it.__file__)"], tmp_path, **shell)
    assert found.startswith(str(installed))

    said = run(["switchboard", "new", "my-desk"], tmp_path, **shell)
    project = tmp_path / "my-desk"
    assert said == "cd my-desk\nmake demo\nmake test\n"
    demo = run(["make", "demo"], project, **shell)
    assert re.search(r"answered alone +│ 66\.7% of 6", demo), demo
    assert "4 passed" in run(["make", "test"], project, **shell)
    assert "sound: 5 steps" in run(["make", "check"], project, **shell)

    add_agent(project)
    assert "sound: 6 steps" in run(["make", "check"], project, **shell)
    asked = "from graphs.desk import desk; print('lost_things' in desk.process().steps['supervisor'].agents)"
    assert run(["python", "-c", asked], project, **shell) == "True\n"
    run(["make", "card"], project, **shell)
    assert "lost things" in (project / "docs" / "cards" / "desk.md").read_text(encoding="utf-8")


def add_agent(project: Path) -> None:
    """One function, and one line; as the project's README shows it."""
    readme = (project / "README.md").read_text(encoding="utf-8")
    assert AGENT in readme
    nodes = project / "nodes" / "desk.py"
    before = nodes.read_text(encoding="utf-8")
    after = before.replace("AGENTS = [\n", f"{AGENT}\n\nAGENTS = [\n    lost_things,\n")
    assert (
        len(after.splitlines()) - len(before.splitlines()) == 3 + 2 + 1
    )  # function, two blank lines, one line
    nodes.write_text(after, encoding="utf-8")


def test_what_is_laid_out_is_tidy_and_whole(tmp_path: Path) -> None:
    """A newcomer's own linter has nothing to say about it, and no folder of the house is missing."""
    laid_out = lay("my_desk", tmp_path / "project")
    ruff = str(Path(sys.executable).parent / "ruff")

    run([ruff, "check", "--isolated", "--line-length", "110", "."], tmp_path / "project")
    run([ruff, "format", "--isolated", "--line-length", "110", "--check", "."], tmp_path / "project")
    assert [path for path in laid_out if "__NAME__" in path.read_text(encoding="utf-8")] == []
    laid = {path.name for path in (tmp_path / "project").iterdir()}
    assert laid >= {
        "pyproject.toml",
        "graphs",
        "nodes",
        "contracts",
        "checkpoints",
        "evals",
        "tests",
        "notebooks",
    }
    assert laid >= {"README.md", "Makefile", "langgraph.json", ".gitignore"}


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    """Nothing is written over, and nothing beside what is there."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="is not empty"):
        lay("desk", tmp_path)
    with pytest.raises(ConfigurationError, match="is no folder"):
        lay("desk", tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("name", ["", "../up", "1st", "a b", "a/b", "-x", "a" * 65])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(ConfigurationError, match="cannot be the name of a project"):
        lay(name, tmp_path / "project")
    assert not (tmp_path / "project").exists()


def test_an_empty_folder_may_be_named(tmp_path: Path) -> None:
    """It may be there already, and be called otherwise than the project."""
    result = call("claims", "--in", str(tmp_path))

    assert result.exit_code == 0
    assert 'name = "claims"' in (tmp_path / "pyproject.toml").read_text(encoding="utf-8")


def test_make_installs_a_wheel_that_it_is_told_of(tmp_path: Path) -> None:
    """By file, by address or by name; without one it asks for the version that laid the project out."""
    lay("desk", tmp_path / "project")
    told = run(["make", "-n", "ready", "SWITCHBOARD_WHEEL=dist/it.whl"], tmp_path / "project")
    untold = run(["make", "-n", "ready"], tmp_path / "project")

    assert "install --disable-pip-version-check 'dist/it.whl'" in told
    assert re.search(r"'langgraph-switchboard==\d+\.\d+\.\d+'", untold)


def call(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(new)
    return CliRunner().invoke(app, list(arguments))
