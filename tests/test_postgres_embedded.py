"""The embedded server: one per home, shared by all processes, gone with the last, whole after any kill."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import stat
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from langgraph_switchboard.postgres import embedded_server, running_server
from tests.postgres_processes import is_running, leave, postmaster_pid, process, words

pytestmark = pytest.mark.pg


async def test_it_starts_says_where_and_is_gone_afterwards(home: Path) -> None:
    """The block has a database; after the block there is no process."""
    async with embedded_server(home) as server:
        line = f"Postgres {server.version} started in {home} (socket {home}/run)"
        assert (server.started, server.home, server.line()) == (True, home, line)
        async with await psycopg.AsyncConnection.connect(server.dsn) as connection:
            cursor = await connection.execute("SELECT current_database(), version()")
            row = await cursor.fetchone()
            assert row is not None
            assert (row[0], row[1].split()[1]) == ("switchboard", server.version)
        assert is_running(home)
    assert not is_running(home)


def test_what_was_committed_is_there_the_next_time_and_the_start_is_quick(made_home: Path) -> None:
    """The home is used again; the second start takes well under a second."""
    begin = time.perf_counter()
    with running_server(made_home) as server:
        seconds = time.perf_counter() - begin
        assert server.started
        assert _answer(server.dsn) == 42
    assert seconds < 1.0


def test_durability_is_on_and_no_port_is_open(made_home: Path) -> None:
    """An acknowledged commit is on the disk; nobody reaches the server by network."""
    with running_server(made_home) as server, psycopg.connect(server.dsn) as connection:
        for name, wanted in [("fsync", "on"), ("synchronous_commit", "on"), ("listen_addresses", "")]:
            assert connection.execute(f"SHOW {name}").fetchone() == (wanted,)


def test_only_the_owner_may_reach_the_socket(made_home: Path) -> None:
    """Logins need no password, so the folder of the socket and the socket itself are private."""
    with running_server(made_home) as server:
        for path in [server.sockets, server.sockets / ".s.PGSQL.5432", server.home / "data"]:
            assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_two_blocks_of_one_process_share_a_server(made_home: Path) -> None:
    """The inner one finds it running and leaves it running."""
    with running_server(made_home) as outer:
        with running_server(made_home) as inner:
            assert (outer.started, inner.started) == (True, False)
            assert "already running in" in inner.line()
        assert _answer(outer.dsn) == 42
    assert not is_running(made_home)


def test_four_processes_that_start_at_once_share_one_server(home: Path) -> None:
    """One of them starts it on a home that is not there yet; the last to leave stops it."""
    with ExitStack() as stack:
        children = [stack.enter_context(process(home)) for _ in range(4)]
        said = [words(child) for child in children]
        assert [one[0] for one in said] == ["ready"] * 4, said
        assert sorted(one[1] for one in said) == ["False", "False", "False", "True"]
        for child in children[:3]:
            leave(child)
            assert is_running(home)
        leave(children[3])
    assert not is_running(home)


def test_a_killed_user_does_not_keep_the_server_up(made_home: Path) -> None:
    """The kernel frees the lock of a killed process, so the other one is the last and stops the server."""
    with process(made_home) as first, process(made_home) as second:
        assert [words(first)[0], words(second)[0]] == ["ready", "ready"]
        first.kill()
        first.wait()
        assert is_running(made_home)
        leave(second)
    assert not is_running(made_home)


def test_a_server_without_users_is_taken_over(made_home: Path) -> None:
    """All users were killed: the next one shares the server that is left, and stops it."""
    with process(made_home) as only:
        assert words(only)[1] == "True"
        only.kill()
        only.wait()
    assert is_running(made_home)
    with running_server(made_home) as server:
        assert not server.started
        assert _answer(server.dsn) == 42
    assert not is_running(made_home)


def test_a_killed_server_is_started_again_with_all_that_was_committed(made_home: Path) -> None:
    """Its stale postmaster.pid stops nobody, nor do its last children; recovery brings the rows back."""
    with running_server(made_home) as first:
        with psycopg.connect(first.dsn) as connection:
            connection.execute("UPDATE kept SET answer = 43")
        os.kill(postmaster_pid(made_home), signal.SIGKILL)
        with running_server(made_home) as second:
            assert second.started
            assert _answer(second.dsn) == 43
    assert not is_running(made_home)


def test_a_start_waits_for_the_last_children_of_a_killed_server(made_home: Path) -> None:
    """One of them still holds the old server's memory when the next start begins."""
    with running_server(made_home) as first, closing(psycopg.connect(first.dsn)) as connection:
        child = connection.info.backend_pid
        os.kill(child, signal.SIGSTOP)
        os.kill(postmaster_pid(made_home), signal.SIGKILL)
        going_on = threading.Timer(1.0, os.kill, [child, signal.SIGCONT])
        going_on.start()
        with running_server(made_home) as second:
            assert second.started
            assert _answer(second.dsn) == 42
        going_on.join()
        assert "is still in use" in (made_home / "log").read_text()


def test_a_stale_number_that_another_process_has_by_now_stops_nobody(made_home: Path) -> None:
    """After a reboot the old process id may be ours: neither taken for the server nor feared."""
    _leave_traces(made_home, f"{os.getpid()}\n{made_home}/data\n")
    with running_server(made_home) as server:
        assert server.started
        assert _answer(server.dsn) == 42


def test_an_unreadable_pid_file_stops_nobody(made_home: Path) -> None:
    """A crash of the machine may leave the file empty."""
    _leave_traces(made_home, "")
    with running_server(made_home) as server:
        assert _answer(server.dsn) == 42


def test_a_half_made_data_folder_is_made_anew(home: Path) -> None:
    """Killed inside initdb: what it left is not taken for a data folder."""
    with running_server(home):
        pass
    (home / "data").rename(home / "data.new")
    (home / "data.new" / "PG_VERSION").unlink()
    with running_server(home) as server:
        assert server.started
    assert not (home / "data.new").exists()


def test_a_path_too_long_for_a_socket_gets_a_private_one_elsewhere(open_folder: Path) -> None:
    """The socket's path may have 107 bytes; a deeper home still works, and a second process finds it."""
    home = open_folder / ("long-" * 20) / "home"
    with running_server(home) as server:
        assert server.sockets.parent == Path("/tmp")
        assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700
        with process(home) as other:
            assert words(other)[:3] == ["ready", "False", server.dsn]
            leave(other)
    assert not server.sockets.exists()


@pytest.mark.parametrize(
    "name", ["with space", "quote'd", 'double"quote', "dollar$HOME", "komma,ö", "100%41"]
)
def test_a_home_may_have_any_name(open_folder: Path, name: str) -> None:
    """The path passes a shell, a list setting and a URL on its way."""
    with running_server(open_folder / name) as server, psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


async def test_a_cancelled_start_leaves_no_server(made_home: Path) -> None:
    """Who cancels the start gets the cancellation, and the server that came up meanwhile is stopped."""
    entering = asyncio.create_task(embedded_server(made_home).__aenter__())
    await asyncio.sleep(0)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert not is_running(made_home)


def test_trouble_while_leaving_spoils_no_work(made_home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody holds the start lock for ever: the block ends well, and the log says what was left."""
    with ExitStack() as stack:
        with running_server(made_home, patience=0.2):
            lock = stack.enter_context((made_home / "start.lock").open())
            fcntl.flock(lock, fcntl.LOCK_EX)
        assert "left running" in caplog.text
        assert is_running(made_home)
    with running_server(made_home) as server:
        assert not server.started
    assert not is_running(made_home)


def test_an_error_in_the_block_stops_the_server_too(made_home: Path) -> None:
    """The block's own error comes out; the server is gone."""
    with pytest.raises(ZeroDivisionError), running_server(made_home):
        raise ZeroDivisionError
    assert not is_running(made_home)


def _answer(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def _leave_traces(home: Path, pid_file: str) -> None:
    owner = (home / "data").stat()
    for path in [home / "data" / "postmaster.pid", home / "run" / ".s.PGSQL.5432.lock"]:
        path.write_text(pid_file)
        path.chmod(0o600)
        os.chown(path, owner.st_uid, owner.st_gid)
