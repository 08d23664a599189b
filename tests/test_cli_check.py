"""`switchboard check`: its words, its JSON and its exit codes."""

import asyncio
import json
from pathlib import Path
from uuid import uuid4

import pytest
import typer
from typer.testing import CliRunner, Result

from langgraph_switchboard import Switchboard
from langgraph_switchboard.cases.branches import Standing
from langgraph_switchboard.cli.bench_check import check_, long_process
from langgraph_switchboard.cli.check import check
from langgraph_switchboard.errors import ConfigurationError, InputRefused
from langgraph_switchboard.graphs import check as long_checked
from tests.shape_flows import Order, a_set

FLOW = """
from langgraph_switchboard import END, Blueprint
from tests.test_check import Case, draft, send

one = Blueprint("one", case=Case, owner={owner!r})
{steps}
"""

SOUND = "one.step(draft, then=send)\none.effect(send)"
WRONG = "one.step(draft, then=send, fallback=send)\none.effect(send)"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's that the command is called in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def flow(project: Path, steps: str, owner: str = "somebody") -> str:
    """A module with a blueprint; its reference."""
    name = f"flow_{uuid4().hex[:8]}"
    (project / f"{name}.py").write_text(FLOW.format(steps=steps, owner=owner))
    return f"{name}:one"


def call(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(check)
    return CliRunner().invoke(app, list(arguments))


def test_a_sound_blueprint_is_said_to_be_sound() -> None:
    """Exit code 0, and how many steps were looked at."""
    result = call("graphs.support_desk:desk")
    assert (result.exit_code, result.stdout) == (0, "sound: 10 steps\n")


def test_an_error_is_told_with_its_path_and_its_mend(project: Path) -> None:
    """Exit code 1, and all that is needed to mend it."""
    result = call(flow(project, WRONG))
    assert result.exit_code == 1
    told = result.stdout.splitlines()
    assert told[0].startswith("error missing_contract at 'send': it needs 'answer' (Answer)")
    assert told[1] == "  path: open -> draft -> send"
    assert told[2].startswith("  mend: Lead that way to a step")
    assert "sound" not in result.stdout


def test_warnings_are_told_and_do_not_fail(project: Path) -> None:
    """A warning refuses nothing."""
    result = call(flow(project, SOUND, owner=""))
    assert result.exit_code == 0
    assert "warning no_owner at 'draft': nobody answers for it" in result.stdout
    assert result.stdout.splitlines()[-1] == "sound: 2 steps, 5 warnings"


def test_a_program_gets_json_and_nothing_else(project: Path) -> None:
    """A list of findings on standard output, empty where there is none."""
    wrong = call(flow(project, WRONG), "--json")
    first = json.loads(wrong.stdout)[0]
    assert (wrong.exit_code, first["code"], first["is_error"]) == (1, "missing_contract", True)
    assert first["path"] == ["open", "draft", "send"]
    sound = call("graphs.support_desk:desk", "--json")
    assert (sound.exit_code, json.loads(sound.stdout)) == (0, [])


def test_a_module_that_builds_on_import_shows_the_same_findings(project: Path) -> None:
    """A flow file may build its blueprint at its end; what is wrong is told all the same."""
    result = call(flow(project, f"{WRONG}\ngraph = one.build()"), "--json")
    assert result.exit_code == 1
    assert [finding["code"] for finding in json.loads(result.stdout)] == ["missing_contract"]


@pytest.mark.parametrize("reference", ["nowhere:one", "graphs.support_desk:dsek", "graphs.support_desk"])
def test_a_reference_that_names_no_blueprint_is_an_error_in_words(reference: str) -> None:
    """What cannot be found is not called sound; the command's entry tells the error in words."""
    result = call(reference)
    assert result.exit_code == 1
    assert isinstance(result.exception, ConfigurationError)


def test_a_workflow_gets_annotations_beside_the_line(project: Path) -> None:
    """One command for each finding, with file and line; what would end it early is escaped."""
    reference = flow(project, WRONG)
    result = call(reference, "--github")
    assert result.exit_code == 1
    first = result.stdout.splitlines()[0]
    name = reference.partition(":")[0]
    assert first.startswith(
        f"::error file={name}.py,line=7,title=missing_contract at send::it needs 'answer'"
    )
    assert "%0Apath: open -> draft -> send%0Amend: Lead that way" in first
    assert result.stdout.count("::warning ") == 2


def test_what_is_refused_where_it_is_declared_is_a_finding_too(project: Path) -> None:
    """A module that cannot be loaded for a wrong declaration is told of like the rest."""
    result = call(flow(project, 'one.step(draft, then=END, gives="question")'), "--json")
    assert result.exit_code == 1
    [finding] = json.loads(result.stdout)
    assert (finding["code"], finding["step"]) == ("refused_declaration", "draft")
    assert "not clear which field" in finding["says"]


MOVED = """one.step(draft, then="both")
one.parallel("both", members=["send", "excuse"], then=END)
one.effect(send, then="__join__")
one.step(draft, name="excuse", then="__join__", gives="answer")
"""


def test_a_saved_process_shows_what_a_later_version_no_longer_knows(project: Path) -> None:
    """A step that is gone or stands elsewhere, and cases of a newer version."""
    before = flow(project, SOUND)
    file = project / "process.json"
    assert call(before, "--save", str(file)).exit_code == 0
    assert json.loads(file.read_text())["steps"]["send"] == ""
    assert call(before, "--against", str(file)).exit_code == 0

    renamed = flow(project, SOUND.replace("send)", "'post')", 1).replace("(send)", "(send, name='post')"))
    gone = call(renamed, "--against", str(file))
    assert gone.exit_code == 1
    assert "error orphaned_step at 'send': open cases may stand on it" in gone.stdout
    assert "renamed={'send': " in gone.stdout
    moved = call(flow(project, MOVED), "--against", str(file))
    assert "moved_step at 'send': open cases may stand on it in the process itself, and now" in moved.stdout

    told = json.loads(file.read_text())
    file.write_text(json.dumps({**told, "version": 2}))
    assert "older_version at 'draft'" in call(before, "--against", str(file)).stdout
    file.write_text(json.dumps({**told, "flow": "another"}))
    with pytest.raises(InputRefused, match="no saved process"):
        run_check(before, str(file))
    with pytest.raises(InputRefused, match="cannot be read"):
        run_check(before, "nowhere.json")


def run_check(reference: str, against: str) -> None:
    """The command without the frame that turns errors into words."""
    check(reference, against=against, save=None, as_json=False, github=False)


@pytest.mark.pg
def test_the_database_shows_which_steps_open_cases_stand_on(project: Path, pg_dsn: str) -> None:
    """Their number is told; a case that waits in a branch of a set stands there, and not on its set."""

    async def park() -> None:
        async with Switchboard.open(pg_dsn) as switchboard:
            for _ in range(3):
                await switchboard.run(a_set(right_reviewed=True), Order(text="lamps"))
            assert await switchboard.services.store.standing("shapes") == [
                Standing("ask_too", "views:right", 1, 3)
            ]

    asyncio.run(park())
    (project / "shaped.py").write_text(
        "from tests.shape_flows import a_set\nsame = a_set(right_reviewed=True)\nother = a_set()\n"
    )
    assert call("shaped:same", "--against", pg_dsn).exit_code == 0
    gone = call("shaped:other", "--against", pg_dsn)
    assert gone.exit_code == 1
    assert "orphaned_step at 'ask_too': 3 open cases stand on it" in gone.stdout


def test_the_bench_checks_a_long_process_of_every_shape() -> None:
    """What is measured is sound, and as long as it says."""
    process = long_process(100)
    assert len(process.steps) == 102
    assert [finding for finding in long_checked(process) if finding.is_error] == []
    app = typer.Typer()
    app.command()(check_)
    result = CliRunner().invoke(app, ["--steps", "50", "--repetitions", "2", "--json"])
    told = json.loads(result.stdout)
    assert (told["steps"], len(told["seconds"])) == (50, 2)
