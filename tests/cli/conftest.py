"""The command line for tests: called in this process, or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from langgraph_switchboard.cli.app import main
from langgraph_switchboard.postgres import EmbeddedServer
from tests.conftest import REPOSITORY, dsn_for
from tests.postgres_processes import NOBODY
from tests.postgres_processes import _python_for_nobody as python_for_nobody

SMALL = "tests.cli.flows:small"
PROGRAM = "from langgraph_switchboard.cli.app import main; main()"


@dataclass(frozen=True)
class Said:
    """What a command said.

    Args:
        code: Its exit code.
        out: Its standard output.
        err: Its standard error.
    """

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The last line of standard output, or all of it, read as JSON."""
        try:
            return json.loads(self.out)
        except json.JSONDecodeError:
            return json.loads(self.out.strip().split("\n")[-1])

    def refused(self, *words: str, code: int = 2) -> None:
        """Assert that it refused in plain words: these are among them, and no traceback is."""
        assert self.code == code, self
        assert "Traceback" not in self.err + self.out, self
        for word in words:
            assert word in self.err, self


Command = Callable[..., Said]


@pytest.fixture(scope="session")
def cli_dsn(pg: EmbeddedServer, pg_template: str) -> Iterator[str]:
    """One database for the tests of the command line; each uses a batch of its own."""
    name = f"cli_{uuid4().hex[:12]}"
    with psycopg.connect(pg.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {pg_template}")
        yield dsn_for(pg, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, open_folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """The environment of a command: this repository, no model, no database, a home of the session's."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "SWITCHBOARD_MODEL", "SWITCHBOARD_FLOWS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SWITCHBOARD_HOME", str(open_folder / "session"))
    monkeypatch.delenv("SWITCHBOARD_DATABASE_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(REPOSITORY)
    yield monkeypatch


@pytest.fixture
def called(settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Call `switchboard` in this process, as its console script does."""

    def call(*words: str | Path) -> Said:
        settings.setattr(sys, "argv", ["switchboard", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return call


@pytest.fixture
def switchboard(called: Command, settings: pytest.MonkeyPatch, cli_dsn: str) -> Command:
    """`switchboard` in this process on the database of these tests."""
    settings.setenv("SWITCHBOARD_DATABASE_URL", cli_dsn)
    return called


def start(
    *words: str | Path,
    env: dict[str, str],
    stdout: int = subprocess.PIPE,
    nobody: bool = False,
    **options: Any,
) -> Said:
    """Run `switchboard` as a process of its own.

    Args:
        *words: The command.
        env: Settings besides those of this process.
        stdout: Where its standard output goes.
        nobody: True to run it as the user `nobody`; needs root.
        **options: As for `subprocess.run`.
    """
    python = python_for_nobody() if nobody else sys.executable
    found = f"{REPOSITORY}:{Path(psycopg.__file__).parent.parent}"
    who: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if nobody else {}
    done = subprocess.run(
        [python, "-c", PROGRAM, *map(str, words)],
        env={**os.environ, "PYTHONPATH": found, **env},
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
        **who,
        **options,
    )
    return Said(done.returncode, done.stdout or "", done.stderr)


def messages(folder: Path, count: int, *, name: str = "") -> Path:
    """A file of messages; every third is a question, which waits for a person."""
    file = folder / f"{name or uuid4().hex[:8]}.jsonl"
    lines = [{"id": f"m{n}", "text": f"message {n}{'?' if n % 3 == 0 else '.'}"} for n in range(count)]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return file
