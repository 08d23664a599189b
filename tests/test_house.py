"""The house itself: what is public, what is shipped, what is pinned, and what must not stand in it."""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import langgraph_switchboard

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PUBLIC = {
    "END",
    "JOIN",
    "Blueprint",
    "CaseState",
    "CaseView",
    "Contract",
    "Decision",
    "NewCase",
    "StepContext",
    "Switchboard",
    "SwitchboardError",
}
PACKAGE = "langgraph_switchboard"
HEAVY = ("langgraph", "langchain_core", "langsmith", "psycopg", "starlette", "sklearn", "typer")


def test_the_public_surface_is_exactly_this_list() -> None:
    """A name is added or taken away on purpose, here and in the changelog."""
    assert set(langgraph_switchboard.__all__) == PUBLIC
    assert len(langgraph_switchboard.__all__) == len(PUBLIC)


def test_every_public_name_is_there_and_the_three_lists_of_names_agree() -> None:
    """What is exported, what is looked up when asked for, and what a type checker sees are one list."""
    tree = ast.parse(Path(langgraph_switchboard.__file__).read_text(encoding="utf-8"))
    (checking,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        alias.name: node.module
        for node in checking.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert seen == {name: f"{PACKAGE}.{home}" for name, home in langgraph_switchboard._HOMES.items()}
    assert set(seen) == PUBLIC
    for name, home in seen.items():
        assert getattr(langgraph_switchboard, name) is getattr(import_module(str(home)), name)
    assert set(dir(langgraph_switchboard)) >= PUBLIC
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = langgraph_switchboard.Nothing


@pytest.mark.parametrize("module", ["langgraph_switchboard.contracts", "contracts.support"])
def test_contracts_load_pydantic_and_nothing_heavier(module: str) -> None:
    """A contract is read in other services, too: it must not bring a database driver along."""
    assert _loaded_by(module) & set(HEAVY) == set()


def test_the_look_at_loaded_modules_would_notice() -> None:
    """The control: a module that does need them shows them."""
    assert _loaded_by("langgraph_switchboard.switchboard") >= {"langgraph", "psycopg"}


@pytest.mark.parametrize("folder", ["contracts", f"{PACKAGE}/contracts"])
def test_contracts_import_pydantic_the_standard_library_and_themselves(folder: str) -> None:
    """By the files' own import lines, so that no late import slips by."""
    known = sys.stdlib_module_names | {"pydantic", "pydantic_core", "typing_extensions", PACKAGE, "contracts"}

    for file in (ROOT / folder).glob("*.py"):
        assert _imports(file) <= known, file.name


def test_the_wheel_holds_the_library_and_nothing_else(wheel: Path) -> None:
    """The application's folders stay in the repository; SQL and the typing mark go along."""
    names = zipfile.ZipFile(wheel).namelist()
    info = f"{PACKAGE}-{PROJECT['project']['version']}.dist-info"
    tops = {name.split("/")[0] for name in names}

    assert tops == {PACKAGE, info}
    assert f"{PACKAGE}/py.typed" in names
    assert f"{info}/licenses/LICENSE" in names
    assert not [name for name in names if name.endswith(".pyc")]
    # All that is tracked in the library is shipped, whatever its ending.
    assert [name for name in _tracked(PACKAGE) if name not in names] == []


def test_the_wheel_brings_the_command_and_the_plugin_and_no_server_under_another_licence(wheel: Path) -> None:
    """One script, one pytest plugin; what `langgraph dev` runs is a tool for development only."""
    archive = zipfile.ZipFile(wheel)
    info = f"{PACKAGE}-{PROJECT['project']['version']}.dist-info"
    script = archive.read(f"{info}/entry_points.txt").decode()
    needs = re.findall(r"^Requires-Dist: (.+)$", archive.read(f"{info}/METADATA").decode(), re.MULTILINE)

    assert script.split() == [
        "[console_scripts]", "switchboard", "=", f"{PACKAGE}.cli.app:main",
        "[pytest11]", "switchboard", "=", f"{PACKAGE}.testing.plugin",
    ]  # fmt: skip
    assert needs
    assert [
        one for one in needs if re.match(r"langgraph-(api|cli|runtime)", one) and "'dev'" not in one
    ] == []


def test_the_constraints_are_names_and_versions_only() -> None:
    """No address, no host, no hash: they hold on every machine."""
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9_.+!-]*", line), line


def test_everything_that_the_project_needs_is_pinned_at_the_version_that_is_installed() -> None:
    """What the tests have passed with is what a fresh clone gets."""
    pins = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    )
    pinned = {_plain(name): version for name, version in pins.items()}
    installed = {name: importlib.metadata.version(name) for name in _closure()}
    assert len(installed) > 100

    assert {name: version for name, version in installed.items() if pinned.get(name) != version} == {}


def test_what_the_library_imports_it_also_names() -> None:
    """A package that comes along with another one by chance may not come tomorrow."""
    named = _named()
    homes = importlib.metadata.packages_distributions()
    folders = {folder.name for folder in ROOT.iterdir() if (folder / "__init__.py").exists()} | {"tests"}
    ours = sys.stdlib_module_names | folders

    # Namespace packages (`langgraph`) are shared; one of their distributions must be named.
    chance = {
        f"{file} imports {module}"
        for file in _python_files()
        if not file.startswith("docs/compare/")  # programs on frameworks that are no part of this
        for module in _imports(ROOT / file) - ours
        if not {_plain(home) for home in homes.get(module, [])} & named
    }
    assert chance == set()


def test_make_says_what_there_is_to_do() -> None:
    """`make` alone is `make help`, and names every target."""
    said = subprocess.run(["make", "-C", ROOT], check=True, capture_output=True, text=True).stdout
    assert re.findall(r"^  make ([\w-]+)", said, re.MULTILINE) == [
        "help", "demo", "test", "check", "serve", "dev", "bench", "chaos", "docs", "faults",
        "bench-faults", "notebooks", "clean",
    ]  # fmt: skip


def test_it_is_free_to_use() -> None:
    """MIT, said in the same words by the file and by the package."""
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    assert PROJECT["project"]["license"] == "MIT"


def test_the_server_is_told_of_graphs_and_a_checkpointer_that_are_there() -> None:
    """What `langgraph.json` names can be imported."""
    settings = json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))

    for graph in settings["graphs"].values():
        module, name = graph["path"].split(":")
        assert hasattr(import_module(module), name)
    for path in (settings["auth"]["path"], settings["http"]["app"]):
        module, name = path.split(":")
        assert hasattr(import_module(module), name)
    assert settings["auth"]["disable_studio_auth"] is True, "a header would let anybody past our door"
    file, name = settings["checkpointer"]["path"].split(":")
    assert hasattr(import_module(file.removeprefix("./").removesuffix(".py").replace("/", ".")), name)


def test_the_tree_names_no_machine_and_no_registry() -> None:
    """What holds on one machine only, or speaks of how packages came to it, is left out."""
    # Where the tree lies here, and who works on it; a clone among temporary files has neighbours of any name.
    places = {ROOT, ROOT.parent, Path.home()} - {Path("/"), Path(tempfile.gettempdir())}
    homes = re.compile("|".join(re.escape(f"{place}/") for place in places))
    registry = re.compile(
        "|".join(("index" + "-url", "files.python" + "hosted", "pypi" + r"\.org", "registry" + r"\.npm"))
    )

    for file in _tracked():
        text = _text(file)
        assert not homes.search(text), file
        assert not registry.search(text), file


def test_nothing_is_left_unfinished() -> None:
    """No note to do it later, no test that is passed over without a cause that the machine gives."""
    unfinished = re.compile(
        "|".join(
            ("TO" + "DO", "FIX" + "ME", "X" * 3, "NotImplemented" + "Error", "mark" + r"\.(skip\b|xfail)")
        )
    )

    for file in _python_files():
        assert not unfinished.search(_text(file)), file
    skips = [file for file in _python_files() if "pytest" + ".skip(" in _text(file)]
    # The public data and the browser may be absent, and who tests may not be root.
    assert set(skips) <= {"tests/conftest.py", "tests/postgres_processes.py", "tests/browser/conftest.py"}


def _loaded_by(module: str) -> set[str]:
    program = (
        f"import json, sys, {module}; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, cwd=ROOT, capture_output=True, text=True
    )
    return set(json.loads(done.stdout))


def _imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def _asked(requirements: Iterable[str], extra: str = "") -> set[tuple[str, str]]:
    """What requirements ask for on this machine: names, each with the extras that are wanted of it."""
    asked = [Requirement(text) for text in requirements]
    return {
        (_plain(one.name), wanted)
        for one in asked
        if one.marker is None or one.marker.evaluate({"extra": extra})
        for wanted in ("", *one.extras)
    }


def _own() -> set[tuple[str, str]]:
    """What the project itself asks for, with all its extras; from the file, not from an old install."""
    project = PROJECT["project"]
    texts = [
        *project["dependencies"],
        *(one for some in project["optional-dependencies"].values() for one in some),
    ]
    return {(name, extra) for name, extra in _asked(texts) if name != project["name"]}


def _parts(pair: tuple[str, str]) -> set[tuple[str, str]]:
    name, extra = pair
    return _asked(importlib.metadata.requires(name) or (), extra)


def _named() -> set[str]:
    """The distributions that the project names, with the parts of them that it asks for: `psycopg[pool]`."""
    parts = {part for name, extra in _own() if extra for part in _parts((name, extra)) - _parts((name, ""))}
    return {name for name, _ in _own() | parts}


def _closure() -> set[str]:
    """The distributions that the project needs with all its extras, and those that they need."""
    seen: set[tuple[str, str]] = set()
    waiting = _own()
    while waiting:
        seen |= waiting
        waiting = {part for one in waiting for part in _parts(one)} - seen
    return {name for name, _ in seen}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _tracked(folder: str = ".") -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "-z", "--", folder], check=True, cwd=ROOT, capture_output=True, text=True
    )
    return [name for name in done.stdout.split("\0") if (ROOT / name).is_file()]


def _python_files() -> list[str]:
    return [name for name in _tracked() if name.endswith(".py")]


def _text(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8", errors="replace")
