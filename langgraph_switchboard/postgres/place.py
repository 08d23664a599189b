"""Where the embedded server keeps its things: the home folder, the data, the socket, the log."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from langgraph_switchboard.errors import ConfigurationError, StoreError, StoreUnavailable
from langgraph_switchboard.postgres.account import Account

HOME_SETTING = "SWITCHBOARD_HOME"
ROOT_HOME = Path("/var/lib/langgraph-switchboard")
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_LIMIT = 107
"""Bytes of a Unix socket's path on Linux (`sun_path` holds 108 with the closing zero)."""


@dataclass(frozen=True)
class Place:
    """The folders and files of one embedded server, made and checked.

    Args:
        home: The folder that holds all of it.
        account: Who owns the data and runs the server.
        sockets: The folder that the Unix socket lies in; only its owner (and root) can enter.
    """

    home: Path
    account: Account
    sockets: Path

    @property
    def data(self) -> Path:
        """The data folder of Postgres."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.home / "log"

    @property
    def socket(self) -> Path:
        """The Unix socket itself."""
        return self.sockets / SOCKET_NAME


def default_home() -> Path:
    """The home folder: SWITCHBOARD_HOME, else one per user after the XDG Base Directory specification.

    Raises:
        ConfigurationError: There is no setting and the user has no home folder.
    """
    setting = os.environ.get(HOME_SETTING)
    if setting:
        return Path(setting).expanduser()
    if os.geteuid() == 0:
        return ROOT_HOME
    shared = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not shared.is_absolute():  # the specification says to ignore a relative one
        try:
            shared = Path.home() / ".local" / "share"
        except RuntimeError:
            raise ConfigurationError(
                "this user has no home folder",
                where="embedded Postgres",
                mend=f"Set {HOME_SETTING} to a folder that it may write.",
            ) from None
    return shared / "langgraph-switchboard"


def prepare_place(home: Path, account: Account) -> Place:
    """Make the home folder and what belongs to it, unless it is there; check that it can be used.

    Args:
        home: Where everything goes. Folders missing on the way are made.
        account: Who will run the server.

    Raises:
        ConfigurationError: The folder is a file, is somebody else's, cannot be written, or lies in a
            private folder that `account` cannot enter.
        StoreUnavailable: The disk is full.
    """
    try:
        home = home.absolute().resolve()
        _refuse_closed(home, account)
        _make_folders(home, account)
        _refuse_foreign(home)
        sockets = _sockets_folder(home, account)
        log = home / "log"
        if not log.exists():
            log.touch(mode=0o600)
            account.own(log)
    except OSError as error:
        raise folder_trouble(error, home) from None
    return Place(home, account, sockets)


def folder_trouble(error: OSError, home: Path) -> StoreError | ConfigurationError:
    """The error to raise when the operating system refuses to make or write something in `home`."""
    at = error.filename or str(home)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ConfigurationError(
            f"no permission to write {at}",
            where=HOME_SETTING,
            wanted="a folder that this user may write",
            came=str(home),
            mend=f"Set {HOME_SETTING} to a folder of your own, or SWITCHBOARD_DATABASE_URL to a server.",
        )
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return ConfigurationError(
            f"{at} is not a folder" if error.errno != errno.EISDIR else f"{at} is a folder",
            where=HOME_SETTING,
            came=str(home),
            mend=f"Move it away, or set {HOME_SETTING} to another folder.",
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error):
        return disk_full(home)
    return StoreUnavailable(
        f"{at} cannot be used: {error.strerror or error}",
        where="embedded Postgres",
        mend=f"Set {HOME_SETTING} to another folder.",
    )


def disk_full(home: Path) -> StoreUnavailable:
    """The error for a disk, a quota or a file limit that is used up."""
    return StoreUnavailable(
        f"no space left on the disk of {home}",
        where="embedded Postgres",
        mend="Free some space (a new data folder needs about 60 MB), "
        f"or set {HOME_SETTING} to a folder on another disk.",
    )


def _refuse_closed(home: Path, account: Account) -> None:
    closed = account.first_closed(home) if account.other else None
    if closed is not None:
        raise ConfigurationError(
            f"the folder {closed} is private, and Postgres, which does not run as root, "
            f"cannot enter it as the account {account.name!r}",
            where=HOME_SETTING,
            wanted=f"a home whose every folder on the way is open to {account.name!r}",
            came=str(home),
            mend=f"Set {HOME_SETTING}={ROOT_HOME}, or another folder outside {closed}.",
            closed=str(closed),
        )


def _make_folders(home: Path, account: Account) -> None:
    """Make what is missing, from the outside in; only a folder made here gets its mode set."""
    missing = []
    for folder in [home, *home.parents]:
        if folder.is_dir():
            break
        missing.append(folder)
    for folder in reversed(missing):
        mode = 0o700 if not account.other else 0o711 if folder == home else 0o755
        try:
            folder.mkdir()
        except FileExistsError:
            if not folder.is_dir():  # a second process may have made it just now
                raise
        else:
            folder.chmod(mode)  # mkdir's own mode is cut by the umask


def _refuse_foreign(home: Path) -> None:
    owner = home.stat().st_uid
    if owner != os.geteuid():
        raise ConfigurationError(
            f"{home} belongs to another user (uid {owner}; we are uid {os.geteuid()})",
            where=HOME_SETTING,
            mend=f"Set {HOME_SETTING} to a folder of your own; one that does not exist yet will be made.",
        )


def _sockets_folder(home: Path, account: Account) -> Path:
    folder = home / "run"
    if len(os.fsencode(folder / SOCKET_NAME)) > SOCKET_LIMIT or "," in str(home):  # a comma parts hosts
        # Every process must find the same folder, so the name is worked out, not drawn.
        mark = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
        folder = Path("/tmp") / f"switchboard-{account.uid}-{mark}"  # noqa: S108 - checked just below
    try:
        folder.mkdir(mode=0o700)
        account.own(folder)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise socket_taken(folder, "something that is not a folder") from None
        if found.st_uid != account.uid or stat.S_IMODE(found.st_mode) & 0o077:
            raise socket_taken(folder, f"a folder of uid {found.st_uid} that others may enter") from None
    return folder


def socket_taken(path: Path, came: str) -> ConfigurationError:
    """The error for a socket path that something else stands on."""
    return ConfigurationError(
        f"the place of the server's socket is taken: {path}",
        where="embedded Postgres",
        wanted="a folder of ours, or nothing yet",
        came=came,
        mend=f"Remove it, or set {HOME_SETTING} to another folder.",
    )
