"""Databases that cannot be started, reached or written: told in words, and nothing is lost."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.conftest import SMALL, Command, Said, messages, start
from tests.cli.flows import STRIKE
from tests.postgres_processes import AS_ROOT, NOBODY

pytestmark = pytest.mark.pg


@dataclass(frozen=True)
class Lost:
    """A run whose embedded server was lost half-way, and the same command once more."""

    broken: Said
    again: Said


@pytest.fixture(scope="module")
def lost(open_folder: Path) -> Iterator[dict[str, Lost]]:
    """Both ways to lose the server, side by side: most of the time is waiting for it to come back."""
    folder = open_folder / uuid4().hex[:8]
    disk = folder / "disk"
    disk.mkdir(parents=True)
    for one in (folder, disk):
        one.chmod(0o711)
    mount = ["mount", "-t", "tmpfs", "-o", "size=160m,mode=755", "tmpfs", str(disk)]
    mounted = os.geteuid() == 0
    if mounted:
        subprocess.run(mount, capture_output=True, check=True)
    with ThreadPoolExecutor() as threads:
        runs = {"killed": threads.submit(_lose, "postgres 60", folder / "killed", folder)}
        if mounted:
            runs["full"] = threads.submit(_lose, "disk 30", disk / "home", folder)
        yield {name: run.result() for name, run in runs.items()}
    if mounted:
        subprocess.run(["umount", disk], check=True)
    shutil.rmtree(folder)


def _lose(strike: str, home: Path, folder: Path) -> Lost:
    env = {"SWITCHBOARD_HOME": str(home), "SWITCHBOARD_DATABASE_URL": "", "SWITCHBOARD_TIMEOUT": "6"}
    words = ("run", messages(folder, 300), "--flow", SMALL, "--json")
    broken = start(*words, env={**env, STRIKE: strike})
    (home / "ballast").unlink(missing_ok=True)
    return Lost(broken, start(*words, env=env))


@pytest.mark.parametrize("how", ["killed", pytest.param("full", marks=AS_ROOT)])
def test_a_server_that_is_lost_half_way_loses_no_case(lost: dict[str, Lost], how: str) -> None:
    """Its process killed, or its disk filled up: cases break off in words; the same command finishes them."""
    broken, again = lost[how].broken, lost[how].again

    assert broken.code in (1, 2), broken
    assert "Traceback" not in broken.err
    assert "error connecting" not in broken.err  # the pool's own words, dozens of lines of them
    assert len(broken.err.splitlines()) < 25
    assert "none is lost: run the same command again" in broken.err
    assert (again.code, again.json()["total"], again.json()["finished"]) == (0, 300, 200), again


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
