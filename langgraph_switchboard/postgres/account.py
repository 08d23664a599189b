"""Who the embedded server runs as: the user himself, or an ordinary account where we are root.

Postgres refuses to run as root. A program started as root therefore hands the
server to an account without rights of its own, and every folder between `/` and
the data must let that account through. We ask the kernel whether it does, and
never change the mode of a folder that we did not make.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph_switchboard.errors import ConfigurationError

OWN_ACCOUNT = "switchboard"
"""The system account made where no `postgres` account is there."""

_FIRST_CLOSED = 'for folder; do [ -x "$folder" ] || { printf %s "$folder"; exit 0; }; done'


@dataclass(frozen=True)
class Account:
    """The operating system's account that owns the data and runs the server.

    Args:
        name: Login name.
        uid: Its user id.
        gid: Its main group id.
        other: True where it is not the account of this process, so that commands change over to it.
    """

    name: str
    uid: int
    gid: int
    other: bool

    def run(
        self, command: Sequence[str | Path], *, cwd: Path = Path("/"), timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as this account, in plain English and with none of our environment.

        Args:
            command: The program by its full path, and its arguments.
            cwd: The folder to run it in.
            timeout: Seconds after which it is killed.

        Raises:
            OSError: The program cannot be executed by this account.
            subprocess.TimeoutExpired: It did not end in time.
        """
        environment = {"PATH": os.defpath, "LC_ALL": "C", "HOME": "/"}
        change: dict[str, Any] = {}
        if self.other:
            groups = os.getgrouplist(self.name, self.gid)
            change = {"user": self.uid, "group": self.gid, "extra_groups": groups}
        return subprocess.run(  # noqa: S603 - our own words, no shell
            [str(word) for word in command],
            cwd=cwd,
            env=environment,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **change,
        )

    def first_closed(self, path: Path) -> Path | None:
        """The first existing folder on the way to `path` (itself included) that this account cannot enter."""
        way = [folder for folder in reversed([path, *path.parents]) if folder.is_dir()]
        said = self.run(["/bin/sh", "-c", _FIRST_CLOSED, "sh", *way]).stdout
        return Path(said) if said else None

    def own(self, path: Path) -> None:
        """Give a file or folder that we have just made to this account."""
        if self.other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def server_account(
    data: Path | None = None,
    *,
    existing: Sequence[str] = ("postgres",),
    own: str = OWN_ACCOUNT,
    useradd: str = "useradd",
) -> Account:
    """The account that the embedded server runs as.

    Args:
        data: The data folder. If it is there, root goes on with the account that owns it, so that a
            `postgres` account installed later does not lock us out.
        existing: Accounts to take, in this order, where we are root and they are there.
        own: The system account that is made where none of them is there.
        useradd: The program that makes it.

    Returns:
        The present user; or, for root, an account without rights of its own.

    Raises:
        ConfigurationError: We are root, no such account is there, and none can be made.
    """
    if os.geteuid() != 0:
        return Account(_name_of(os.geteuid()), os.geteuid(), os.getegid(), other=False)
    found = _lookup([*_owner_of(data), *existing, own])
    if found is None:
        _add_account(own, useradd)
        found = _lookup([own])
    if found is None:
        raise ConfigurationError(
            f"the account {own!r} was made but cannot be found", where="embedded Postgres"
        )
    return found


def _owner_of(data: Path | None) -> list[str]:
    return [_name_of(data.stat().st_uid)] if data is not None and data.is_dir() else []


def _lookup(names: Sequence[str]) -> Account | None:
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in names:
        entry = known.get(name)
        if entry is not None and entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid, other=True)
    return None


def _add_account(name: str, useradd: str) -> None:
    words = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/"]
    words += ["--shell", "/usr/sbin/nologin", name]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
        problem = "" if done.returncode == 0 else done.stderr.strip() or f"exit code {done.returncode}"
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    if problem:
        raise ConfigurationError(
            "Postgres does not run as root, and the system account for it cannot be made",
            where="embedded Postgres",
            wanted=f"an account named 'postgres' or {name!r}",
            came=f"{useradd}: {problem}",
            mend=f"Make it by hand (useradd --system {name}), run as an ordinary user, "
            "or set SWITCHBOARD_DATABASE_URL to a server.",
        )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # containers often run under a bare number
        return str(uid)
