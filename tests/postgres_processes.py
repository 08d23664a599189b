"""Other processes for the tests of the embedded server: they hold it until they are told to leave."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

NOBODY = 65534
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user or mount a disk")

HOLD = """
import sys
from langgraph_switchboard.errors import SwitchboardError
from langgraph_switchboard.postgres import running_server
try:
    with running_server() as server:
        print("ready", server.started, server.dsn, server.line(), sep="|", flush=True)
        sys.stdin.readline()
except SwitchboardError as error:
    print("error", type(error).__name__, error, sep="|", flush=True)
"""


@contextmanager
def process(home: Path, program: str = HOLD, *, nobody: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Python running `program` with that home; it is gone when the block ends.

    Args:
        home: Its SWITCHBOARD_HOME.
        program: What it runs.
        nobody: True to run it as the user `nobody`; needs root.
    """
    environment = {"PATH": os.defpath, "SWITCHBOARD_HOME": str(home), "HOME": "/nonexistent"}
    # Wherever this session has them from: another interpreter of the same version finds them too.
    environment["PYTHONPATH"] = f"{Path(__file__).parent.parent}:{Path(psycopg.__file__).parent.parent}"
    child = subprocess.Popen(
        [_python_for_nobody() if nobody else sys.executable, "-c", program],
        env=environment,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        user=NOBODY if nobody else None,
        group=NOBODY if nobody else None,
        extra_groups=[] if nobody else None,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


@functools.cache
def _python_for_nobody() -> str:
    """Our own interpreter, or where it lies in a private folder the system's one of the same version."""
    for python in [sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"]:
        try:
            subprocess.run([python, "-c", ""], user=NOBODY, group=NOBODY, extra_groups=[], check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip("no Python of this version that an ordinary user could run")


def words(child: subprocess.Popen[str]) -> list[str]:
    """The next line that it says, parted at the bars; an error says all of its lines."""
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line.startswith("ready"):
        line += child.stdout.read()
    return line.strip().split("|")


def leave(child: subprocess.Popen[str]) -> None:
    """Tell it to leave, and wait until it has."""
    _, said = child.communicate("\n", timeout=60)
    assert child.returncode == 0, said


def modes(*paths: Path) -> dict[Path, int]:
    """The modes of all folders from `/` down to each of these."""
    return {folder: folder.stat().st_mode for path in paths for folder in path.parents if folder.exists()}


def postmaster_pid(home: Path) -> int:
    """The process id of the server on this home."""
    return int((home / "data" / "postmaster.pid").read_text().split()[0])


def is_running(home: Path) -> bool:
    """Whether a server has this home open: it removes its own file when it goes."""
    return (home / "data" / "postmaster.pid").exists()
