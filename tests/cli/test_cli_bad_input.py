"""Bad input: a clear error with the way to mend it, no traceback, and nothing lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.conftest import SMALL, Command, messages

pytestmark = pytest.mark.pg

MEANT = "Did you mean graphs.support_desk:desk"


def written(folder: Path, content: str | bytes, *, kind: str = "jsonl") -> Path:
    """A file of a new name with that content."""
    file = folder / f"{uuid4().hex[:8]}.{kind}"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def line(number: int, text: str = "hello.") -> str:
    return json.dumps({"id": f"m{number}", "text": text})


def rejects_of(file: Path) -> list[dict[str, Any]]:
    beside = file.with_name(f"{file.name}.rejects.jsonl")
    return [json.loads(one) for one in beside.read_text().splitlines()]


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        ("", "jsonl", ["is empty"]),
        (" \n\n", "csv", ["is empty"]),
        ("text\n", "csv", ["no line of the file can be read"]),
        ("not json\nnor this\n", "jsonl", ["no line of the file can be read", "no JSON"]),
        ("a,b\n1,2\n", "csv", ["no column looks like the text", "a, b", "--text"]),
        ("{}", "xlsx", ["another kind", ".jsonl or .csv", ".xlsx"]),
        ('{"id": 1, "text": "x"}'.encode("utf-16"), "jsonl", ["UTF-16", "Save it as UTF-8"]),
    ],
)
def test_a_file_that_holds_no_case_is_refused(
    called: Command, tmp_path: Path, content: str | bytes, kind: str, words: list[str]
) -> None:
    """The file is named, with what was wanted of it; no server is started for it."""
    file = written(tmp_path, content, kind=kind)
    called("run", file, "--flow", SMALL).refused(str(file), *words)


def test_a_missing_file_a_folder_and_a_wrong_column_are_named(called: Command, tmp_path: Path) -> None:
    """Each is told with the path, and with what would have been right."""
    file = messages(tmp_path, 2)
    called("run", tmp_path / "no.jsonl", "--flow", SMALL).refused("no.jsonl", "no such file")
    (tmp_path / "folder.jsonl").mkdir()
    called("run", tmp_path / "folder.jsonl", "--flow", SMALL).refused("Is a directory")
    for option in ("--text", "--id", "--expect"):
        wrong = called("run", file, "--flow", SMALL, option, "boddy")
        wrong.refused("no column 'boddy'", "one of id, text")
    called("run", file, "--flow", SMALL, "--map", file).refused("--expect")


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        ("graphs.suport_desk:desk", ["no module 'graphs.suport_desk'", MEANT]),
        ("graphs.support_desk:dessk", ["no blueprint called 'dessk'", MEANT]),
        ("support_desk", ["names no flow", "module:name", MEANT]),
        ("tests.cli.flows:Message", ["is no Blueprint", "tests.cli.flows:small"]),
    ],
)  # fmt: skip
def test_an_unknown_flow_is_refused_with_a_suggestion(
    called: Command, tmp_path: Path, flow: str, words: list[str]
) -> None:
    """Whoever mistypes a flow is told which one was meant."""
    called("run", messages(tmp_path, 1), "--flow", flow).refused(*words)


def test_without_any_flow_the_ways_to_name_one_are_told(
    called: Command, tmp_path: Path, settings: pytest.MonkeyPatch
) -> None:
    """Outside a project nothing is guessed; two flows are not chosen between."""
    file = messages(tmp_path, 1)
    settings.chdir(tmp_path)
    called("run", file).refused("no flow is named", "--flow module:name", "pyproject.toml")
    called("demo").refused("no flow is named")
    settings.setenv("SWITCHBOARD_FLOWS", f"{SMALL},graphs.support_desk:desk")
    called("run", file).refused("several flows", "Choose one with --flow")
    (tmp_path / "pyproject.toml").write_text("[tool.switchboard\n")
    settings.delenv("SWITCHBOARD_FLOWS")
    called("run", file).refused("pyproject.toml cannot be read")


def test_a_broken_line_is_named_and_stops_no_other(switchboard: Command, tmp_path: Path) -> None:
    """Of nine lines four are good: they are run, and the others stand by number in a file beside."""
    lines = [
        line(1).encode(), b'{"id": "m2", "text": ', line(3, "  ").encode(), b'{"id": "m4"}',
        b'{"id": "m5", "text": "caf\xe9"}', line(6).encode(), line(1, "another").encode(),
        line(8, "x" * 1_000_000).encode(), b"", line(10).encode(), b'["a list"]', line(12, "why?").encode(),
    ]  # fmt: skip
    file = written(tmp_path, b"\n".join(lines))

    done = switchboard("run", file, "--flow", SMALL, "--json")

    done.refused(code=1)
    figures = done.json()
    assert (figures["total"], figures["finished"], figures["waiting"], figures["rejected"]) == (4, 3, 1, 7)
    rejects = {one["line"]: str(one["why"]) for one in rejects_of(file)}
    assert sorted(rejects) == [2, 3, 4, 5, 7, 8, 11]
    for number, words in {
        2: "no JSON", 3: "is empty", 4: "is empty", 5: "not UTF-8",
        7: "used on line 1 already", 8: "20000", 11: "no JSON object",
    }.items():  # fmt: skip
        assert words in rejects[number]
        assert f"{file.name}:{number}: " in done.err
    assert max(len(str(one["raw"])) for one in rejects_of(file)) <= 500


def test_a_spreadsheet_s_csv_is_taken_as_it_is(switchboard: Command, tmp_path: Path) -> None:
    """A byte order mark, quotes, line breaks within a cell: all of it is text; a short row is named."""
    rows = 'id,text,note\r\n1,"He said ""no"".\r\nThen he left.",x\r\n2,short\r\n3,"a, b; c?",\r\n4,x,y,z\r\n'
    file = written(tmp_path, b"\xef\xbb\xbf" + rows.encode(), kind="csv")

    done = switchboard("run", file, "--flow", SMALL, "--json")

    done.refused(code=1)
    assert (done.json()["finished"], done.json()["waiting"], done.json()["rejected"]) == (1, 1, 2)
    assert [(one["line"], one["why"]) for one in rejects_of(file)] == [
        (4, "the line has 2 columns, the head has 3. Correct the line, or take it out."),
        (6, "the line has 4 columns, the head has 3. Correct the line, or take it out."),
    ]
    told = switchboard("case", f"{file.stem}/1", "--flow", SMALL, "--json").json()
    assert told["case"]["input"]["message"]["text"] == 'He said "no".\r\nThen he left.'


def test_without_a_column_of_ids_the_content_is_the_id(switchboard: Command, tmp_path: Path) -> None:
    """The same text twice is one case, and that is said; a second run finds the cases again."""
    file = written(tmp_path, '{"text": "one."}\n{"text": "two."}\n{"text": "one."}\n')

    first = switchboard("run", file, "--flow", SMALL, "--json")
    again = switchboard("run", file, "--flow", SMALL, "--json")

    assert "the same text stands on line 1. Name a column of ids with --id" in first.err
    assert (first.json()["total"], again.json()["total"], again.json()["driven"]) == (2, 2, 0)


def test_an_id_of_other_content_is_refused(switchboard: Command, tmp_path: Path) -> None:
    """The same batch name with other content would hide a case behind another: it is named, not run."""
    file = messages(tmp_path, 3)
    assert switchboard("run", file, "--flow", SMALL).code == 0
    file.write_text('{"id": "m9", "text": "new."}\n{"id": "m1", "text": "something else"}\n')

    done = switchboard("run", file, "--flow", SMALL, "--json")

    done.refused(f"{file.name}:2: ", "belongs to a case with other content", "--batch", code=1)
    assert (done.json()["total"], done.json()["rejected"]) == (1, 1)
    assert switchboard("run", file, "--flow", SMALL, "--batch", uuid4().hex, "--json").json()["total"] == 2


def test_a_label_outside_the_map_is_named(switchboard: Command, tmp_path: Path) -> None:
    """A label that the map does not know is a fault of the line, told with the label."""
    file = written(tmp_path, "id,text,kind\n1,hm.,known\n2,hm.,strange\n", kind="csv")
    groups = written(tmp_path, '{"tell": ["known"]}', kind="json")
    broken = written(tmp_path, '{"tell": [', kind="json")
    words = ("run", file, "--flow", SMALL, "--expect", "kind", "--json", "--map")

    done = switchboard(*words, groups)

    done.refused(f"{file.name}:3: ", "in no group of the map", "strange", code=1)
    assert done.json()["routing_accuracy"] == 1.0
    switchboard(*words, broken).refused("the map is no JSON", f"{broken}:1")
    switchboard(*words, tmp_path / "none.json").refused("no such file")


def test_a_flow_that_no_file_can_feed_says_so(called: Command, tmp_path: Path) -> None:
    """A flow is fed from a file if its one input has a text."""
    words = ["cannot be fed from a file of texts", "one input contract with a field `text`", "Number"]
    called("run", messages(tmp_path, 1), "--flow", "tests.cli.flows:numbers").refused(*words)
