"""Root or not: the server runs as an ordinary account, and no folder's mode is changed for it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.postgres import running_server
from langgraph_switchboard.postgres.account import server_account
from langgraph_switchboard.postgres.place import ROOT_HOME, default_home
from tests.postgres_processes import AS_ROOT, NOBODY, is_running, leave, modes, postmaster_pid, process, words

pytestmark = pytest.mark.pg


@pytest.fixture
def nobodys_folder(open_folder: Path) -> Iterator[Path]:
    """A folder that `nobody` owns."""
    folder = open_folder / f"nobody-{uuid4().hex[:8]}"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def disk_folder() -> Iterator[Path]:
    """A folder on the disk, since a file system in memory may forbid to execute programs."""
    folder = Path(tempfile.mkdtemp(prefix="switchboard-test-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@AS_ROOT
def test_an_ordinary_user_has_a_server_of_his_own(nobodys_folder: Path) -> None:
    """No root anywhere: home, data and process are his, and nobody else may look in."""
    home = nobodys_folder / "share" / "switchboard"
    before = modes(home)
    with process(home, nobody=True) as child:
        said = words(child)
        assert said[:2] == ["ready", "True"], said
        assert Path(f"/proc/{postmaster_pid(home)}").stat().st_uid == NOBODY
        assert {path.stat().st_uid for path in home.rglob("*")} == {NOBODY}
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        leave(child)
    assert not is_running(home)
    with process(home, nobody=True) as child:
        assert words(child)[:2] == ["ready", "True"]
        leave(child)
    after = modes(home)
    assert {folder: after[folder] for folder in before} == before


@AS_ROOT
def test_another_user_cannot_reach_the_server(home: Path) -> None:
    """`nobody` does not get to the socket of root's server, though logins need no password; root does."""
    with running_server(home) as server:
        program = "import psycopg, sys\ntry:\n    psycopg.connect(sys.stdin.readline().strip())\n"
        program += (
            "except psycopg.OperationalError as error:\n    print(error)\nelse:\n    print('connected')\n"
        )
        with process(home, program, nobody=True) as stranger:
            assert "Permission denied" in stranger.communicate(server.dsn + "\n")[0]
        with process(home, program) as root:
            assert root.communicate(server.dsn + "\n")[0] == "connected\n"


@AS_ROOT
def test_root_runs_the_server_as_an_account_without_rights(home: Path) -> None:
    """Postgres refuses root, so the process and the data belong to another account; the home is root's."""
    with running_server(home):
        uid = (home / "data").stat().st_uid
        assert uid != 0
        assert Path(f"/proc/{postmaster_pid(home)}").stat().st_uid == uid
        assert home.stat().st_uid == 0


@AS_ROOT
def test_no_mode_is_changed_even_where_the_programs_lie_in_a_private_folder(
    disk_folder: Path, private_install: Path
) -> None:
    """The programs are copied once, by version, and every folder above data and programs stays as it was."""
    home = disk_folder / "new" / "home"
    before = modes(home, private_install)
    with running_server(home, install=private_install) as server:
        with psycopg.connect(server.dsn) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        command = Path(f"/proc/{postmaster_pid(home)}/cmdline").read_bytes()
        copy = home / f"postgres-{server.version}"
        assert str(copy).encode() in command
        made = copy.stat().st_ctime_ns
    assert copy.stat().st_uid == 0
    with running_server(home, install=private_install):
        assert copy.stat().st_ctime_ns == made
    after = modes(home, private_install)
    assert {folder: after[folder] for folder in before} == before


@AS_ROOT
def test_the_comparison_of_modes_sees_an_opened_folder(private_install: Path) -> None:
    """The control: had a private folder been opened, the comparison would have shown it."""
    before = modes(private_install)
    private_install.parent.parent.chmod(0o755)
    assert modes(private_install) != before


@AS_ROOT
def test_root_goes_on_with_the_account_that_owns_the_data(made_home: Path) -> None:
    """Another account may have come since; without data the usual one is taken (the control)."""
    data = made_home / "data"
    subprocess.run(["chown", "-R", "nobody", data, made_home / "run", made_home / "log"], check=True)
    with running_server(made_home):
        assert Path(f"/proc/{postmaster_pid(made_home)}").stat().st_uid == NOBODY
    assert server_account(data).uid == NOBODY
    assert server_account(made_home / "nothing").uid != NOBODY


@AS_ROOT
def test_programs_that_can_be_reached_are_not_copied(home: Path) -> None:
    """The copy is for private environments only."""
    with running_server(home):
        assert not list(home.glob("postgres-*"))


@AS_ROOT
def test_a_home_in_a_private_folder_is_refused_with_one_that_works(open_folder: Path) -> None:
    """The first closed folder is named; nothing is made below it, and its mode stays."""
    private = open_folder / f"private-{uuid4().hex[:8]}"
    private.mkdir(mode=0o700)
    with pytest.raises(ConfigurationError) as caught, running_server(private / "a" / "b"):
        pass
    assert f"the folder {private} is private" in str(caught.value)
    assert f"SWITCHBOARD_HOME={ROOT_HOME}" in str(caught.value)
    assert caught.value.fields["closed"] == str(private)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert not list(private.iterdir())


def test_the_home_is_the_setting_else_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """SWITCHBOARD_HOME first; then, for an ordinary user, XDG_DATA_HOME; a relative one is ignored."""
    monkeypatch.setenv("SWITCHBOARD_HOME", "~/desk")
    assert default_home() == Path.home() / "desk"
    monkeypatch.delenv("SWITCHBOARD_HOME")
    if os.geteuid() == 0:
        assert default_home() == ROOT_HOME
    program = "from langgraph_switchboard.postgres.place import default_home\nprint(default_home())"
    for given, wanted in [("/srv/share", "/srv/share"), ("share", "/nonexistent/.local/share")]:
        shown = f"import os\nos.environ['XDG_DATA_HOME'] = {given!r}\n{program}"
        shown = f"import os\nos.environ.pop('SWITCHBOARD_HOME')\n{shown}"
        with process(Path(), shown, nobody=os.geteuid() == 0) as child:
            assert child.communicate()[0].strip() == f"{wanted}/langgraph-switchboard"
