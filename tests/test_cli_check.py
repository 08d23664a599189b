"""`switchboard check`: its words, its JSON and its exit codes."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
import typer
from typer.testing import CliRunner, Result

from langgraph_switchboard.cli.check import check
from langgraph_switchboard.errors import BlueprintError, ConfigurationError

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


def test_a_blueprint_that_cannot_be_declared_is_an_error_in_words(project: Path) -> None:
    """A signature that does not fit is no finding of the check: it is refused where it is declared."""
    result = call(flow(project, "one.gate('gate', of='nothing', sure=END, unsure=END)"))
    assert isinstance(result.exception, BlueprintError)
    assert "'nothing' is no field of Case" in str(result.exception)
