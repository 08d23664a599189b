"""`switchboard run`: every case comes to rest, and no crash loses one or sends one twice."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.cli.conftest import SMALL, Command, messages, start
from tests.cli.flows import STRIKE

pytestmark = pytest.mark.pg

CASES = 240
ALONE = CASES - CASES // 3
"""Of the messages every third is a question."""


def outbox(dsn: str, batch: str) -> list[tuple[str, int]]:
    """How many rows the outbox holds for each case of a batch."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "SELECT case_id, count(*) FROM switchboard.outbox WHERE starts_with(case_id, %s) GROUP BY 1",
            [f"{batch}/"],
        ).fetchall()


def finished(dsn: str, batch: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT case_id FROM switchboard.cases WHERE starts_with(case_id, %s) AND status = 'finished'",
            [f"{batch}/"],
        )
        return {case_id for (case_id,) in rows}


def sent_once(dsn: str, batch: str) -> bool:
    rows = outbox(dsn, batch)
    return {case_id for case_id, _ in rows} == finished(dsn, batch) and all(n == 1 for _, n in rows)


def test_a_run_ends_with_one_line_of_figures_for_programs(switchboard: Command, tmp_path: Path) -> None:
    """Nothing but the result stands on standard output, and its figures add up."""
    file = messages(tmp_path, 30)

    done = switchboard("run", file, "--flow", SMALL, "--json")

    assert done.code == 0
    assert done.out.count("\n") == 1
    figures = json.loads(done.out)
    assert (figures["total"], figures["finished"], figures["waiting"]) == (30, 20, 10)
    assert figures["finished"] + figures["waiting"] + figures["dead_lettered"] == figures["total"]
    assert (figures["answered_alone"], figures["routing_accuracy"]) == (20, None)
    assert figures["seconds"] > 0
    assert "30 cases; text from 'text', ids from 'id'" in done.err


def test_a_run_ends_with_tables_for_people(switchboard: Command, tmp_path: Path) -> None:
    """Without --json the summary is told as tables, within the width of the screen."""
    done = switchboard("run", messages(tmp_path, 9), "--flow", SMALL)

    assert done.code == 0
    for words in ("Routes", "answered alone", "waiting for a person", "p50", "66.7% of 9"):
        assert words in done.out
    assert max(map(len, done.out.split("\n"))) <= 100


def test_a_second_run_does_nothing_twice(switchboard: Command, cli_dsn: str, tmp_path: Path) -> None:
    """A batch at rest stays as it is; new lines of its file are run."""
    file = messages(tmp_path, 12)
    first = switchboard("run", file, "--flow", SMALL, "--json").json()

    again = switchboard("run", messages(tmp_path, 15, name=file.stem), "--flow", SMALL, "--json")

    assert first["driven"] == 12
    assert again.json()["total"] == 15
    assert again.json()["driven"] == 3
    assert "12 of them are known: 12 stay as they are, 3 are run" in again.err
    assert sent_once(cli_dsn, file.stem)


def test_labels_are_judged_by_the_groups_of_the_map(switchboard: Command, tmp_path: Path) -> None:
    """The map groups the labels; accuracy is given for each group, and a second look may group anew."""
    file = tmp_path / f"{uuid4().hex}.csv"
    file.write_text("id,text,kind\n1,what?,open\n2,why?,open\n3,so.,closed\n4,no.,open\n")
    groups = tmp_path / "map.json"
    groups.write_text('{"remark": "not a group", "ask": ["open"], "tell": ["closed"]}')
    words = ("run", file, "--flow", SMALL, "--expect", "kind", "--json")

    grouped = switchboard(*words, "--map", groups).json()
    plain = switchboard(*words).json()

    assert grouped["routing_accuracy"] == 0.75
    assert grouped["accuracy_by_label"] == {"ask": pytest.approx(2 / 3), "tell": 1.0}
    assert plain["routing_accuracy"] == 0.0


def test_a_killed_run_goes_on_and_sends_nothing_twice(cli_dsn: str, tmp_path: Path) -> None:
    """Law 2 and 3: killed twice with kill -9, run again: each finished case stands once in the outbox."""
    file = messages(tmp_path, CASES)
    env = {"SWITCHBOARD_DATABASE_URL": cli_dsn}
    words = ("run", file, "--flow", SMALL, "--json")

    for when in ("70", "40"):
        killed = start(*words, env={**env, STRIKE: f"kill {when}"})
        assert killed.code == -signal.SIGKILL, killed
        assert len(finished(cli_dsn, file.stem)) < ALONE  # the control: it was half-way
    done = start(*words, env=env)

    assert done.code == 0, done
    figures = done.json()
    assert (figures["total"], figures["finished"]) == (CASES, ALONE)
    assert 0 < figures["driven"] < CASES
    assert sent_once(cli_dsn, file.stem)


def test_ctrl_c_loses_nothing_and_says_so(cli_dsn: str, tmp_path: Path) -> None:
    """SIGINT half-way: one sentence, exit code 130, and the second run goes on."""
    file = messages(tmp_path, CASES)
    env = {"SWITCHBOARD_DATABASE_URL": cli_dsn}
    words = ("run", file, "--flow", SMALL, "--json")

    stopped = start(*words, env={**env, STRIKE: "interrupt 50"})
    again = start(*words, env=env)

    stopped.refused("stopped; nothing is lost: run the same command again", code=130)
    assert stopped.out == ""
    assert (again.code, again.json()["finished"]) == (0, ALONE)
    assert sent_once(cli_dsn, file.stem)


def test_resume_goes_on_where_no_file_is_at_hand(
    switchboard: Command, cli_dsn: str, tmp_path: Path, settings: pytest.MonkeyPatch
) -> None:
    """`switchboard resume` finishes what a killed run has left, without its file."""
    file = messages(tmp_path, 60)
    killed = start("run", file, "--flow", SMALL, env={"SWITCHBOARD_DATABASE_URL": cli_dsn, STRIKE: "kill 20"})
    assert killed.code == -signal.SIGKILL
    file.unlink()

    done = switchboard("resume", "--flow", SMALL)

    assert done.code == 0, done
    assert len(finished(cli_dsn, file.stem)) == 40
    assert sent_once(cli_dsn, file.stem)


def test_who_reads_only_the_head_sees_no_traceback(cli_dsn: str) -> None:
    """A closed pipe ends the command quietly."""
    read, write = os.pipe()
    os.close(read)
    done = start("cases", "--json", env={"SWITCHBOARD_DATABASE_URL": cli_dsn}, stdout=write)
    os.close(write)
    done.refused(code=1)
    assert "Exception ignored" not in done.err


@pytest.mark.data
def test_real_messages_come_to_rest(switchboard: Command, data_dir: Path) -> None:
    """Messages of real customers through the desk: none is lost, and accuracy is told per agent."""
    folder = data_dir / "banking77"

    done = switchboard(
        "run", folder / "test.jsonl", "--text", "text", "--expect", "intent",
        "--map", folder / "desk_map.json", "--limit", "60", "--batch", uuid4().hex, "--json",
    )  # fmt: skip

    assert done.code == 0, done
    figures = done.json()
    assert figures["finished"] + figures["waiting"] == figures["total"] == 60
    assert figures["accuracy_by_label"].keys() <= {"account", "billing", "technical"}
    assert figures["routing_accuracy"] > 0.85
