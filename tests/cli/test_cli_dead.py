"""`switchboard dead list | show | redrive | discard`: what operators do with what could not go on."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.pg

JAMS = "tests.cli.flows:jams"


@pytest.fixture
def dead(switchboard: Command, settings: pytest.MonkeyPatch, tmp_path: Path) -> tuple[str, str]:
    """A case that is set aside since the machine is jammed, and its letter."""
    settings.setenv("SMALL_FLOW_JAM", "1")
    file = tmp_path / f"{uuid4().hex[:8]}.jsonl"
    file.write_text('{"id": "q1", "text": "a letter to send"}\n')
    assert switchboard("run", file, "--flow", JAMS).code == 0
    case = f"{file.stem}/q1"
    letter = switchboard("dead", "show", case, "--json").json()
    assert (letter["case_id"], letter["status"], letter["step"]) == (case, "open", "push")
    return case, letter["letter_id"]


def test_dead_letters_are_listed_with_the_reason_and_what_to_do(
    switchboard: Command, dead: tuple[str, str]
) -> None:
    """Which case, at which step, since when, why; and how failures end on the whole."""
    case, letter = dead
    said = switchboard("dead", "list", "--limit", "1000")
    assert case in said.out and letter in said.out
    assert "RuntimeError: the machine is jammed" in " ".join(said.out.split())
    assert "dead redrive dl-" in said.err and "as dead letters" in said.err
    told = switchboard("dead", "list", "--limit", "1000", "--json").json()
    assert letter in {one["letter_id"] for one in told["letters"]}
    assert {one["rung"] for one in told["rungs"]} >= {"dead_letter"}
    assert "dead_letter" in switchboard("status").out


def test_a_dead_letter_is_shown_whole(switchboard: Command, dead: tuple[str, str]) -> None:
    """By its id, or by that of its case."""
    case, letter = dead
    for word in dead:
        said = switchboard("dead", "show", word).out
        assert letter in said and f"case {case}" in said and "step push of jams" in said
    switchboard("dead", "show", "dl-nothing").refused("no dead letter 'dl-nothing'", "dead list")


def test_a_dead_letter_is_redriven_once(
    switchboard: Command, dead: tuple[str, str], settings: pytest.MonkeyPatch
) -> None:
    """It goes on from the failed step when the cause is gone; the second time it is settled already."""
    case, letter = dead
    assert "is dead_lettered" in switchboard("dead", "redrive", letter, "--flow", JAMS, "--by", "olga").out
    settings.delenv("SMALL_FLOW_JAM")
    again = switchboard("dead", "redrive", case, "--flow", JAMS, "--by", "olga")
    assert again.out == f"The case {case} is finished.\n"
    assert switchboard("dead", "redrive", case, "--flow", JAMS).out == again.out
    story = switchboard("case", case, "--flow", JAMS, "--json").json()["story"]
    kinds = [one["event"]["kind"] for one in story]
    assert kinds.count("dead_letter_redriven") == 2 and kinds.count("effect_recorded") == 1
    assert "olga has it done again" in switchboard("case", case, "--flow", JAMS).out
    assert case not in switchboard("dead", "list", "--limit", "1000").out
    assert "redriven by olga" in switchboard("dead", "list", "--all", "--limit", "1000").out


def test_a_dead_letter_is_discarded_for_a_reason(switchboard: Command, dead: tuple[str, str]) -> None:
    """Who and why are on record; after that it is not redriven."""
    case, letter = dead
    switchboard("dead", "discard", letter, "--why", " ", "--flow", JAMS).refused("for a reason")
    said = switchboard("dead", "discard", letter, "--why", "sent by hand", "--by", "olga", "--flow", JAMS)
    assert said.out == f"olga lets {letter} of the case {case} be: sent by hand.\n"
    shown = json.loads(switchboard("dead", "show", letter, "--json").out)
    assert (shown["status"], shown["settled_by"], shown["why"]) == ("discarded", "olga", "sent by hand")
    switchboard("dead", "redrive", letter, "--flow", JAMS).refused("olga has discarded it before")
