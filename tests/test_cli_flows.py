"""Which flow a command is about, where a project has several."""

from __future__ import annotations

from pathlib import Path

import pytest

from langgraph_switchboard.cli.project import FLOWS_SETTING, flow_references, only_flow
from langgraph_switchboard.errors import ConfigurationError

TWO = '[tool.switchboard]\nflows = ["a:desk", "b:claims"]\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project to stand in."""
    monkeypatch.delenv(FLOWS_SETTING, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "pyproject.toml"


def test_the_default_is_taken_where_nobody_names_a_flow(project: Path) -> None:
    """`run` and `demo` are about it; lists of cases and reviews are about all."""
    project.write_text(TWO + 'default = "a:desk"\n', encoding="utf-8")
    assert only_flow() == "a:desk"
    assert only_flow("b:claims") == "b:claims"
    assert flow_references() == ["a:desk", "b:claims"]


@pytest.mark.parametrize("default", ["", 'default = "c:gone"\n'])
def test_without_a_default_that_is_a_flow_the_choice_is_asked_for(project: Path, default: str) -> None:
    """A default that names nothing chooses nothing."""
    project.write_text(TWO + default, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="several flows are named"):
        only_flow()


def test_flows_of_the_setting_have_no_default(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names several there has to choose there."""
    project.write_text(TWO + 'default = "a:desk"\n', encoding="utf-8")
    monkeypatch.setenv(FLOWS_SETTING, "a:desk,b:claims")
    with pytest.raises(ConfigurationError, match="Choose one with --flow"):
        only_flow()
