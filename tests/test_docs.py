"""What the documentation shows is run: programs with their output, commands, files, links."""

import contextlib
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from langgraph_switchboard.cli.app import app
from langgraph_switchboard.graphs import load_yaml

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if page.parent.name not in ("reference", "cards"))
ELSEWHERE: dict[str, str] = {}
"""Pages whose programs a test of their own runs, and where it is."""


@dataclass(frozen=True)
class Fence:
    """One fenced or indented block: what it is, what it says, and its line."""

    language: str
    text: str
    line: int


def fences(page: Path) -> list[Fence]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Fence(one[1], one[2], text[: one.start()].count("\n") + 2) for one in found]


def commands(page: Path) -> Iterator[list[str]]:
    """The commands that a page shows: indented lines, and lines of a shell's fence."""
    text = page.read_text(encoding="utf-8")
    shells = "".join(one.text for one in fences(page) if one.language in ("sh", "bash", "shell", "console"))
    indented = re.findall(
        r"^    (\w.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    for line in [*indented, *shells.splitlines()]:
        if re.match(r"(switchboard|make)( |$)", line):
            yield shlex.split(line, comments=True)


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS))


@pytest.mark.parametrize("page", [page for page in PAGES if name_of(page) not in ELSEWHERE], ids=name_of)
def test_the_programs_of_a_page_run_in_order_and_print_what_it_says(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They share a namespace, as a reader types them one after the other; a text block is the output."""
    monkeypatch.chdir(ROOT)
    module = ModuleType(f"docs_{page.stem.replace('-', '_')}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    shown = fences(page)
    for number, fence in enumerate(shown):
        if fence.language != "python":
            continue
        printed = io.StringIO()
        # The lines before it are left empty, so that a traceback names the line of the page.
        program = compile("\n" * (fence.line - 1) + fence.text, str(page), "exec")
        with contextlib.redirect_stdout(printed):
            exec(program, vars(module))
        after = shown[number + 1] if number + 1 < len(shown) else None
        if after is not None and after.language == "text":
            assert printed.getvalue() == after.text, f"{page.name}, line {after.line}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_blueprints_of_a_page_can_be_loaded(page: Path) -> None:
    """A YAML file that a page shows is a process without errors."""
    for fence in fences(page):
        if fence.language == "yaml":
            findings = load_yaml(fence.text).check()
            assert [str(finding) for finding in findings if finding.is_error] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_commands_of_a_page_are_there(page: Path) -> None:
    """Each command, each of its options and each target of make exists."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for command in commands(page):
        if command[0] == "switchboard":
            assert unknown(command[1:]) == []
        if command[0] == "make":
            assert set(command[1:2]) <= targets, command


def unknown(arguments: list[str]) -> list[str]:
    """What of a command line `switchboard` does not know."""
    here: Any = typer.main.get_command(app)
    while arguments and hasattr(here, "commands") and not arguments[0].startswith("-"):
        if arguments[0] not in here.commands:
            # A group that is a command as well takes arguments of its own.
            return [] if here.invoke_without_command else [arguments[0]]
        here, arguments = here.commands[arguments[0]], arguments[1:]
    known = {option for one in here.params for option in (*one.opts, *one.secondary_opts)}
    return [one for one in arguments if one.startswith("-") and one.partition("=")[0] not in known]


def test_the_look_at_commands_would_notice() -> None:
    """The control: a command and an option that are not there."""
    assert unknown(["fly"]) == ["fly"]
    assert unknown(["check", "--hard", "graphs.support_desk:desk"]) == ["--hard"]
    assert unknown(["reviews", "show", "rv-1"]) == []


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    """To a file, or to a heading of the page."""
    text = page.read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {"#" + re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    links = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]+`", "", text))
    here = {link for link in links if link.startswith("#")}
    away = {link for link in links if "://" not in link} - here

    assert here - anchors == set()
    assert {link for link in away if not (page.parent / link.partition("#")[0]).exists()} == set()


def test_every_page_can_be_reached_from_the_index() -> None:
    """By links, in however many steps."""
    reached, waiting = set[Path](), [DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8"))
        waiting += [found for link in links if (found := (page.parent / link).resolve()).is_file()]
    assert [name_of(page) for page in DOCS.rglob("*.md") if page not in reached] == []


def test_pages_that_are_run_elsewhere_are() -> None:
    """An exception names the test that makes up for it."""
    for page, test in ELSEWHERE.items():
        assert (DOCS / page).is_file()
        assert page in (ROOT / test).read_text(encoding="utf-8")


def test_what_is_generated_is_not_stale() -> None:
    """The reference is that of the docstrings, the drawings and the schema those of the code: `make docs`."""
    command = [sys.executable, "-m", "docs.build", "--check"]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, ""), (
        f"{done.stderr}Run `make docs`, and commit what it writes."
    )
