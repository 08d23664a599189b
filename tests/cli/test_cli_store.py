"""Databases that cannot be started, reached or written: told in words, and nothing is lost."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.conftest import SMALL, Command, messages, start
from tests.cli.flows import STRIKE
from tests.postgres_processes import AS_ROOT, NOBODY

pytestmark = pytest.mark.pg


@pytest.fixture
def small_disk(open_folder: Path) -> Iterator[Path]:
    """A file system of 160 MB."""
    disk = open_folder / f"disk-{uuid4().hex[:8]}"
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160m,mode=755", "tmpfs", disk], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_server_that_is_not_there_is_named_without_its_password(
    called: Command, settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Host, port and database are told, the setting is named, the password is not."""
    settings.setenv("SWITCHBOARD_DATABASE_URL", "postgresql://ada:s3cret@127.0.0.1:1/desk")
    for words in (("run", messages(tmp_path, 1), "--flow", SMALL), ("cases",), ("resume", "--flow", SMALL)):
        done = called(*words)
        done.refused("127.0.0.1:1", "SWITCHBOARD_DATABASE_URL", "Start that server")
        assert "s3cret" not in done.err
    settings.setenv("SWITCHBOARD_DATABASE_URL", "postgresql://ada:p@ss@host/desk")
    called("cases").refused("cannot be read", "%40")


def test_a_socket_path_that_is_taken_is_named(
    called: Command, settings: pytest.MonkeyPatch, made_home: Path
) -> None:
    """What lies there is not deleted."""
    taken = made_home / "run" / ".s.PGSQL.5432"
    taken.write_text("mine")
    settings.setenv("SWITCHBOARD_HOME", str(made_home))
    called("cases").refused(str(taken), "Remove it, or set SWITCHBOARD_HOME")
    assert taken.read_text() == "mine"


def test_a_server_that_does_not_start_names_its_log(
    called: Command, settings: pytest.MonkeyPatch, made_home: Path
) -> None:
    """A damaged data folder: the log is named, and its end is shown."""
    (made_home / "data" / "global" / "pg_control").unlink()
    settings.setenv("SWITCHBOARD_HOME", str(made_home))
    called("cases").refused("the server does not start", str(made_home / "log"), "pg_control")


def test_no_room_for_a_data_folder_is_told(home: Path) -> None:
    """A limit on files, as a quota sets one: how much is needed, and where else it may lie."""
    env = {"SWITCHBOARD_HOME": str(home), "SWITCHBOARD_DATABASE_URL": ""}
    limit = 1_000_000
    done = start(
        "cases", env=env, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    done.refused("no space left", "60 MB", "SWITCHBOARD_HOME")


@AS_ROOT
def test_a_disk_that_fills_up_half_way_loses_nothing(small_disk: Path, tmp_path: Path) -> None:
    """Cases break off in words; with room again the same command finishes them."""
    home = small_disk / "home"
    env = {"SWITCHBOARD_HOME": str(home), "SWITCHBOARD_DATABASE_URL": ""}
    words = ("run", messages(tmp_path, 600), "--flow", SMALL, "--json")

    full = start(*words, env={**env, STRIKE: "disk 30"})
    (home / "ballast").unlink()
    again = start(*words, env=env)

    assert full.code in (1, 2), full
    assert "Traceback" not in full.err
    assert "run the same command again" in full.err
    assert (again.code, again.json()["total"], again.json()["finished"]) == (0, 600, 400), again


@AS_ROOT
def test_an_ordinary_user_is_told_where_he_may_not_write(open_folder: Path) -> None:
    """A home of root's, and a folder of root's for the rejects: each is named with the way to mend it."""
    folder = open_folder / uuid4().hex[:8]
    folder.mkdir()
    folder.chmod(0o755)
    file = folder / "mixed.jsonl"
    file.write_text('{"id": "m1", "text": "fine."}\nbroken\n')
    own = folder / "home"
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    words = ("run", file, "--flow", SMALL, "--json")
    env = {"SWITCHBOARD_DATABASE_URL": "", "HOME": "/nonexistent"}

    closed = start(*words, env={**env, "SWITCHBOARD_HOME": str(folder / "other")}, nobody=True)
    rejected = start(*words, env={**env, "SWITCHBOARD_HOME": str(own)}, nobody=True)

    closed.refused("no permission to write", str(folder / "other"), "SWITCHBOARD_HOME")
    rejected.refused("mixed.jsonl:2: ", "the rejected lines cannot be written", "mixed.jsonl.rejects.jsonl")
    assert rejected.json()["finished"] == 1
