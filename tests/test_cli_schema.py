"""`switchboard schema`, and a YAML file where a command takes a blueprint."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from graphs.support_desk import desk
from langgraph_switchboard.cli.check import check
from langgraph_switchboard.cli.schema import schema
from langgraph_switchboard.errors import BlueprintUnreadable
from langgraph_switchboard.graphs import dump_yaml, yaml_schema
from langgraph_switchboard.switchboard import load_blueprint


def call(command: object, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)  # type: ignore[type-var]
    return CliRunner().invoke(app, list(arguments))


def test_the_schema_goes_to_the_screen_or_into_a_file(tmp_path: Path) -> None:
    """Whole, as JSON, wherever it goes."""
    file = tmp_path / "blueprint.schema.json"

    assert json.loads(call(schema).stdout) == yaml_schema()
    written = call(schema, "-o", str(file))
    assert (written.exit_code, written.stdout) == (0, "")
    assert json.loads(file.read_text(encoding="utf-8")) == yaml_schema()


def test_a_yaml_file_is_checked_like_a_blueprint_in_python(tmp_path: Path) -> None:
    """Where `module:name` is taken, a file is, too."""
    file = tmp_path / "desk.yaml"
    file.write_text(dump_yaml(desk), encoding="utf-8")

    result = call(check, str(file))
    assert (result.exit_code, result.stdout) == (0, "sound: 10 steps\n")
    assert load_blueprint(str(file)).process() == desk.process()


def test_a_file_that_says_no_blueprint_is_refused_with_its_place(tmp_path: Path) -> None:
    """File, line and column reach whoever gave the command."""
    file = tmp_path / "desk.yml"
    file.write_text(dump_yaml(desk).replace("unsure: generalist", "unsrue: generalist"), encoding="utf-8")

    with pytest.raises(BlueprintUnreadable, match=r"desk\.yml:15:5: .*Did you mean 'unsure'"):
        load_blueprint(str(file))


def test_what_the_check_finds_in_a_file_is_told_with_its_place(tmp_path: Path) -> None:
    """A destination with a typing mistake is found by the check, and the step that names it by its line."""
    file = tmp_path / "desk.yaml"
    file.write_text(
        dump_yaml(desk).replace("then: gate", "then: gaet", 1).replace("then: send", "then: end", 1)
    )

    findings = {finding.step: finding for finding in load_blueprint(str(file)).check() if finding.is_error}

    assert (findings["faq"].place, findings["faq"].mend) == (f"{file}:18:3", "Did you mean 'gate'?")
    assert findings["review"].mend == "Did you mean END, where a case ends?"
