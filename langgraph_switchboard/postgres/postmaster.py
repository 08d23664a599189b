"""One Postgres server process: is it up, start it, stop it. Called under the start lock only."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psycopg

from langgraph_switchboard.errors import ConfigurationError, StoreError, StoreUnavailable
from langgraph_switchboard.postgres.binaries import MAJOR, Binaries
from langgraph_switchboard.postgres.place import HOME_SETTING, Place, disk_full, socket_taken

SUPERUSER = "postgres"
"""Not "switchboard": a role named like our schema would put that schema first on its search path."""
DATABASE = "switchboard"
LOG_LIMIT = 10_000_000
"""Bytes after which the log starts anew; one older log is kept."""

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
}
"""Fit for a laptop. Durability is the point, so what protects it is said out loud."""

_STILL_LEAVING = ("is still in use", "Is another postmaster", "is another postmaster")
_NO_SPACE = ("No space left on device", "File too large", "File size limit exceeded", "Disk quota exceeded")


class Postmaster:
    """The server on one data folder.

    Args:
        place: Home, data, socket and account.
        binaries: The programs.
        patience: Seconds to wait for a server that is starting, recovering or stopping.
    """

    def __init__(self, place: Place, binaries: Binaries, *, patience: float) -> None:
        self._place = place
        self._binaries = binaries
        self._patience = patience

    def dsn(self, database: str = DATABASE) -> str:
        """The connection string for a database of this server."""
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self._place.sockets), safe='')}"

    def is_up(self) -> bool:
        """Whether a server of ours answers; waits while one is starting, recovering or going down.

        Raises:
            StoreUnavailable: One is there, but does not answer in time.
        """
        until = time.monotonic() + self._patience
        while self._process() is not None:
            if self._answers():
                return True
            if time.monotonic() > until:
                raise StoreUnavailable(
                    f"the server is there (process {self._process()}) "
                    f"but has not answered for {self._patience:g} s",
                    where="embedded Postgres",
                    came=self._log_end(0),
                    mend=f"Wait and try again, or stop that process; the log is {self._place.log}.",
                )
            time.sleep(0.05)
        return False

    def start(self) -> None:
        """Make the data folder if there is none, and start the server on it.

        Raises:
            ConfigurationError: The data folder is of another major version or another user, or the
                socket's place is taken.
            StoreUnavailable: The disk is full, or the server does not come up.
        """
        self._check_data()
        self._check_socket()
        if not self._place.data.exists():
            self._make_data()
        self._clear_traces()
        self._turn_log()
        until = time.monotonic() + self._patience
        while True:
            log_start = self._place.log.stat().st_size
            done = self._pg_ctl("start", "-l", self._place.log.name, "-o", self._options())
            if done.returncode == 0:
                return
            said = f"{done.stderr.strip()}\n{self._log_end(log_start, lines=1000)}"
            # The last children of a killed server need a moment to notice and leave.
            if not any(words in said for words in _STILL_LEAVING) or time.monotonic() > until:
                raise self._trouble("the server does not start", said)
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the server: open transactions roll back, what is committed is on the disk."""
        for mode in ("fast", "immediate"):
            if self._process() is None or self._pg_ctl("stop", "-m", mode).returncode == 0:
                break
        else:
            raise StoreUnavailable(
                f"the server (process {self._process()}) does not stop",
                where="embedded Postgres",
                mend=f"Stop that process by hand; the log is {self._place.log}.",
            )
        if self._place.sockets.parent != self._place.home:
            shutil.rmtree(self._place.sockets, ignore_errors=True)

    def ensure_database(self) -> str:
        """Make our database if this is the first time.

        Returns:
            The version of the server that answers, such as "18.4"; after an upgrade of the programs
            a server of the version before may still be running.
        """
        try:
            with psycopg.connect(self.dsn("postgres"), autocommit=True, connect_timeout=10) as connection:
                found = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
                ).fetchone()
                if found is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
                major, minor = divmod(connection.info.server_version, 10_000)
                return f"{major}.{minor}"
        except psycopg.Error as error:
            raise self._trouble("the server started but cannot be used", str(error)) from None

    def _process(self) -> int | None:
        """The id of the process that serves our data, or None; a number used again by another is None."""
        pid = _first_number(self._place.data / "postmaster.pid")
        if pid is None:
            return None
        command = _command_of(pid)
        ours = (str(self._place.data), _quoted(self._place.sockets))
        return pid if any(path in command for path in ours) else None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _check_data(self) -> None:
        data = self._place.data
        if not data.exists():
            return
        version_file = data / "PG_VERSION"
        found = version_file.read_text().strip() if version_file.is_file() else ""
        if found != MAJOR:
            raise ConfigurationError(
                f"the data folder {data} is of another major version of Postgres",
                where=HOME_SETTING,
                wanted=MAJOR,
                came=found or "no PG_VERSION file",
                mend=f"Set {HOME_SETTING} to a new folder; to keep the data, dump it with the version "
                "that made it and load it into the new one.",
            )
        if data.stat().st_uid != self._place.account.uid:
            raise ConfigurationError(
                f"the data folder {data} belongs to uid {data.stat().st_uid}, not to the account "
                f"{self._place.account.name!r} that runs the server",
                where=HOME_SETTING,
                mend=f"Run as the user who made it, or set {HOME_SETTING} to a new folder.",
            )

    def _check_socket(self) -> None:
        socket = self._place.socket
        if not self._place.sockets.is_dir():
            raise socket_taken(self._place.sockets, "something that is not a folder")
        if socket.exists() and not socket.is_socket():
            raise socket_taken(socket, "a folder" if socket.is_dir() else "a file")

    def _make_data(self) -> None:
        """Run initdb beside the final name, so that a data folder is whole or absent."""
        half = self._place.home / "data.new"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        self._place.account.own(half)
        words = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        words += ["--text-search-config=english", "--auth-local=trust", "--auth-host=reject"]
        words += [f"--username={SUPERUSER}", "--no-instructions", "--pgdata", str(half)]
        done = self._run("initdb", *words, timeout=300)
        if done.returncode != 0:
            shutil.rmtree(half, ignore_errors=True)
            raise self._trouble("the data folder cannot be made", done.stderr)
        half.rename(self._place.data)

    def _clear_traces(self) -> None:
        """Remove traces of a killed server that would stop the next one.

        Postgres takes a stale `postmaster.pid` away itself, after a look at the shared memory it
        names; but it stops at a number that another process has by now, and at an unreadable file.
        """
        pid_file = self._place.data / "postmaster.pid"
        pid = _first_number(pid_file)
        if pid is None or _exists(pid):
            pid_file.unlink(missing_ok=True)
        Path(f"{self._place.socket}.lock").unlink(missing_ok=True)
        self._place.socket.unlink(missing_ok=True)

    def _turn_log(self) -> None:
        log = self._place.log
        if log.stat().st_size > LOG_LIMIT:
            log.rename(log.with_name("log.1"))
            log.touch(mode=0o600)
            self._place.account.own(log)

    def _options(self) -> str:
        settings = {**SETTINGS, "unix_socket_directories": _quoted(self._place.sockets)}
        # pg_ctl hands this text to a shell.
        return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())

    def _pg_ctl(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        # It writes these names between double quotes into a line of shell: relative ones are harmless.
        seconds = max(1, round(self._patience))
        common = ["-D", self._place.data.name, "-w", "-s", "-t", str(seconds)]
        return self._run("pg_ctl", verb, *common, *words, timeout=self._patience + 10)

    def _run(self, program: str, *words: str, timeout: float) -> subprocess.CompletedProcess[str]:
        command = [str(self._binaries.folder / program), *words]
        try:
            return self._place.account.run(command, cwd=self._place.home, timeout=timeout)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 1, "", f"{program} did not end within {timeout:g} s")
        except OSError as error:
            return subprocess.CompletedProcess(command, 1, "", f"{program} cannot be run: {error.strerror}")

    def _log_end(self, start: int, *, lines: int = 8) -> str:
        try:
            with self._place.log.open("rb") as log:
                log.seek(start)
                said = log.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(said.strip().split("\n")[-lines:])

    def _trouble(self, problem: str, said: str) -> StoreError:
        if any(words in said for words in _NO_SPACE):
            return disk_full(self._place.home)
        end = "\n  ".join(said.strip().split("\n")[-8:])
        return StoreUnavailable(
            problem,
            where="embedded Postgres",
            wanted=f"Postgres {self._binaries.version} in {self._place.home}",
            mend=f"The whole log is {self._place.log}; it ends:\n  {end}",
        )


def _quoted(folder: Path) -> str:
    """A folder as an element of a list setting, where commas part and double quotes protect."""
    return '"' + str(folder).replace('"', '""') + '"'


def _first_number(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _command_of(pid: int) -> str:
    """The command line of a process, empty if there is none (or if it is dead and not yet buried)."""
    if Path("/proc/self/cmdline").exists():
        try:
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes())
        except OSError:
            return ""
    said = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=10
    )
    return said.stdout
