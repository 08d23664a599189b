"""What many tests need: one embedded server per session, a fresh database per test, the public data."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from langgraph_switchboard.postgres import EmbeddedServer, Pool, migrate, open_pool, running_server
from langgraph_switchboard.postgres.binaries import find_install

REPOSITORY = Path(__file__).parent.parent
TEMPLATE = "switchboard_template"


@pytest.fixture
def data_dir() -> Path:
    """The folder of public data sets; a test that needs it is skipped where it is absent."""
    folder = Path(os.environ.get("SWITCHBOARD_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data sets: {folder} is not there (set SWITCHBOARD_DATA)")
    return folder


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that every account may pass through, unlike pytest's own; removed at the end.

    It lies in memory where there is room: the tests make and drop many databases, and what they
    prove about kills of processes does not depend on the disk.
    """
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2_000_000_000
    folder = Path(tempfile.mkdtemp(prefix="switchboard-test-", dir=memory if roomy else "/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def home(open_folder: Path) -> Iterator[Path]:
    """A home for a server of the test's own that does not exist yet; removed after the test."""
    folder = open_folder / uuid4().hex[:8]
    yield folder
    if folder.is_dir():
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def first_home(open_folder: Path) -> Path:
    """A home with a data folder that others are copied from."""
    folder = open_folder / "first"
    with running_server(folder) as server, psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    return folder


@pytest.fixture
def made_home(first_home: Path, home: Path) -> Path:
    """A home that was used before: its server is stopped, and its table `kept` holds one row."""
    subprocess.run(["cp", "-a", first_home, home], check=True)
    return home


@pytest.fixture
def private_install() -> Iterator[Path]:
    """An install tree as in an environment under /root: behind a folder that only root may enter."""
    private = Path(tempfile.mkdtemp(prefix="switchboard-private-", dir="/tmp"))
    package = find_install().parent
    for name in [package.name, f"{package.name}.libs"]:
        if (package.parent / name).exists():
            (private / name).symlink_to(package.parent / name)
    yield private / package.name / find_install().name
    shutil.rmtree(private)


@pytest.fixture(scope="session")
def pg(open_folder: Path) -> Iterator[EmbeddedServer]:
    """The embedded server of this test session."""
    with running_server(open_folder / "session") as server:
        yield server


@pytest.fixture(scope="session")
def pg_template(pg: EmbeddedServer) -> str:
    """A migrated database that fresh ones are copied from; its name."""

    async def prepare() -> None:
        async with open_pool(dsn_for(pg, TEMPLATE)) as pool:
            await migrate(pool)

    _run_as_owner(pg, f"CREATE DATABASE {TEMPLATE}")
    with ThreadPoolExecutor(1) as thread:  # a loop of its own, away from that of the tests
        thread.submit(asyncio.run, prepare()).result()
    return TEMPLATE


@pytest.fixture
def pg_dsn(pg: EmbeddedServer, pg_template: str) -> Iterator[str]:
    """The connection string of a fresh, migrated database, dropped after the test."""
    name = f"test_{uuid4().hex[:12]}"
    _run_as_owner(pg, f"CREATE DATABASE {name} TEMPLATE {pg_template}")
    yield dsn_for(pg, name)
    _run_as_owner(pg, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def pg_pool(pg_dsn: str) -> AsyncIterator[Pool]:
    """A pool on a fresh, migrated database, bound to the loop of this test."""
    async with open_pool(pg_dsn) as pool:
        yield pool


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the tree with what is installed here."""
    out = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(out),
        str(REPOSITORY),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = out.glob("*.whl")
    return file


def dsn_for(server: EmbeddedServer, name: str) -> str:
    """The connection string of another database of the server."""
    return server.dsn.replace("/switchboard?", f"/{name}?")


def _run_as_owner(server: EmbeddedServer, statement: str) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(statement)
