"""The page of the checks has every code; each wrong example shows its code, and each right one does not."""

import contextlib
import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import langgraph_switchboard.graphs as graphs
from langgraph_switchboard.errors import BlueprintUnreadable

PAGE = Path(__file__).parent.parent / "docs" / "checks.md"
REFUSED = ("refused_declaration", "blueprint_unreadable")
"""What is said by an exception, where it is declared."""


@dataclass(frozen=True)
class Told:
    """One code on the page: how grave it is, and its programs."""

    code: str
    grade: str
    programs: tuple[str, ...]


def told() -> list[Told]:
    """The codes of the page, in order."""
    parts = re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    heads = [re.match(r"`(\w+)` \((\w+)\)", part) for part in parts[1:]]
    return [
        Told(head[1], head[2], tuple(re.findall(r"^```python\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)))
        for head, part in zip(heads, parts[1:], strict=True)
        if head is not None
    ]


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the page has said up to each example: its programs share their names."""
    module = ModuleType("docs_checks")
    sys.modules[module.__name__] = module
    text = PAGE.read_text(encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()):
        for program in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            exec(program, vars(module))
    return vars(module)


def found_by(program: str, names: dict[str, Any]) -> dict[str, bool]:
    """The codes that an example gives, each with whether it is an error."""
    names.pop("found", None)
    exec(program, names)
    found = names["found"] if "found" in names else names["desk"].check()
    return {one.code: one.is_error for one in found}


@pytest.mark.parametrize("one", [one for one in told() if one.code not in REFUSED], ids=lambda one: one.code)
def test_a_wrong_example_has_the_finding_and_the_right_one_has_not(one: Told, names: dict[str, Any]) -> None:
    """Beside each other, so that one sees what makes the difference."""
    wrong, right = one.programs
    found = found_by(wrong, names)
    assert found[one.code] == (one.grade == "error")
    after = found_by(right, names)
    assert one.code not in after
    assert not any(after.values()), "the mended example has no error at all"


def test_every_code_is_on_the_page_once() -> None:
    """Those of the checks' own sources, and the two that a declaration raises."""
    sources = Path(str(graphs.__file__)).parent.glob("*.py")
    texts = [source.read_text(encoding="utf-8") for source in sources]
    codes = {code for text in texts for code in re.findall(r"Finding\(\s*\"(\w+)\"", text)}
    assert sorted(one.code for one in told()) == sorted(codes | set(REFUSED))
    assert BlueprintUnreadable.code in REFUSED
