"""Intake: reading cases from JSONL or CSV, line by line, so that one bad line stops no other."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import ContractViolation, InputRefused
from langgraph_switchboard.switchboard import NewCase

TEXT_NAMES = (
    "text",
    "message",
    "body",
    "question",
    "query",
    "utterance",
    "content",
    "description",
    "subject",
)
ID_NAMES = ("id", "ticket_id", "case_id", "ticket", "uid", "uuid", "key", "number")
_WIDEST = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of a file means what.

    Args:
        text: The text of a case.
        id: Its id; without one the content stands for it.
        expect: The label that routing should give.
        extra: Further fields of the input contract that the file has a column for.
    """

    text: str
    id: str | None = None
    expect: str | None = None
    extra: tuple[str, ...] = ()

    def line(self) -> str:
        """One line for people: what was taken for what."""
        told = [f"text from {self.text!r}", f"ids from {self.id!r}" if self.id else "ids from the content"]
        told += [f"expected label from {self.expect!r}"] if self.expect else []
        told += [f"{name} as it is" for name in self.extra]
        return ", ".join(told)


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that cannot be taken.

    Args:
        line: Its number in the file, from 1.
        why: What is wrong and how to mend it.
        raw: The line as it stands, shortened.
    """

    line: int
    why: str
    raw: str


@dataclass
class Intake:
    """What a file holds.

    Args:
        batch: Name that its cases carry: `batch/id`.
        columns: Which column was taken for what.
        cases: The cases, in the order of the file.
        lines: The line that each case stands on, by its id.
        rejects: The lines that cannot be taken.
    """

    batch: str
    columns: Columns
    cases: list[NewCase] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)


def read_cases(
    path: Path,
    contract: type[Contract],
    *,
    batch: str | None = None,
    text: str | None = None,
    id_column: str | None = None,
    expect: str | None = None,
    groups: Mapping[str, str] | None = None,
) -> Intake:
    """Read the cases of a file for a flow whose input is `contract`.

    Columns that are not named are guessed: the text by its usual names, the id likewise, and
    every other field of the contract by its own name.

    Args:
        path: A `.jsonl` or `.csv` file, UTF-8.
        contract: The input contract; its field `text` takes the text, `id` the id.
        batch: Name for the cases; the file's own unless given.
        text: Column of the text.
        id_column: Column of the id.
        expect: Column of the expected label.
        groups: Groups the labels: label to group; a label that is in none is refused.

    Raises:
        InputRefused: The file is not there, not readable, of another kind, or lacks a named column.
    """
    rows = list(_rows(path))
    columns = _columns(path, rows, contract, text, id_column, expect)
    intake = Intake(batch or path.stem, columns)
    for line, raw, row in rows:
        try:
            case = _case(intake, contract, row, groups, raw)
            if case.case_id in intake.lines:
                raise _used_before(intake, case)
        except (InputRefused, ContractViolation) as error:
            intake.rejects.append(Reject(line, str(error), raw[:500]))
        else:
            intake.lines[case.case_id] = line
            intake.cases.append(case)
    return intake


def read_groups(path: Path) -> dict[str, str]:
    """A map file, group to labels, turned round: label to group.

    `{"billing": ["card_fee", ...], "technical": [...]}`; what is no list of texts is a remark,
    and the groups that come after the first mention of a label do not take it away.

    Raises:
        InputRefused: The file is no such JSON object.
    """
    try:
        content = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise InputRefused("the map is no JSON", where=f"{path}:{error.lineno}", came=error.msg) from None
    if not isinstance(content, dict):
        raise InputRefused("the map is no JSON object", where=str(path), wanted='{"group": ["label", ...]}')
    groups: dict[str, str] = {}
    for group, labels in content.items():
        if isinstance(labels, list):
            for label in labels:
                groups.setdefault(str(label), str(group))
    return groups


def write_rejects(path: Path, rejects: Sequence[Reject]) -> Path:
    """Write the rejected lines beside the file; the path that was written.

    Raises:
        InputRefused: There is no permission, or no room, to write it.
    """
    beside = path.with_name(f"{path.name}.rejects.jsonl")
    lines = [json.dumps({"line": one.line, "why": one.why, "raw": one.raw}) for one in rejects]
    try:
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputRefused(
            "the rejected lines cannot be written", where=str(beside), came=error.strerror or str(error),
            mend="They are listed above; make the folder writable and run again.",
        ) from None  # fmt: skip
    return beside


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputRefused("there is no such file", where=str(path), mend="Check the path.") from None
    except OSError as error:
        raise InputRefused(
            "the file cannot be read", where=str(path), came=error.strerror or str(error)
        ) from None
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputRefused("the file is UTF-16", where=str(path), wanted="UTF-8", mend="Save it as UTF-8.")
    # Bytes that are no UTF-8 become surrogates, so that the line that has them can be named.
    return raw.decode("utf-8-sig", "surrogateescape")


def _rows(path: Path) -> Iterator[tuple[int, str, dict[str, Any] | str]]:
    """Line number, the raw line, and its fields; a text instead of fields says what is wrong."""
    kind = path.suffix.lower()
    if kind not in (".jsonl", ".ndjson", ".csv"):
        raise InputRefused(
            "the file is of another kind", where=str(path), wanted=".jsonl or .csv", came=kind or "none"
        )
    content = _text(path)
    if not content.strip():
        raise InputRefused("the file is empty", where=str(path))
    yield from _csv_rows(content) if kind == ".csv" else _json_rows(content)


def _json_rows(content: str) -> Iterator[tuple[int, str, dict[str, Any] | str]]:
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        if not line.isascii() and _undecoded(line):
            yield number, _shown(line), "the line is not UTF-8"
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, line, f"the line is no JSON ({getattr(error, 'msg', 'nested too deep')})"
            continue
        yield number, line, row if isinstance(row, dict) else "the line is no JSON object"


def _csv_rows(content: str) -> Iterator[tuple[int, str, dict[str, Any] | str]]:
    csv.field_size_limit(_WIDEST)
    reader = csv.reader(io.StringIO(content, newline=""))
    names = [name.strip() for name in next(reader, [])]
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, "", f"the line is no CSV ({error})"
            continue
        if not cells:
            continue
        raw = ",".join(cells)
        if _undecoded(raw):
            yield line, _shown(raw), "the line is not UTF-8"
        elif len(cells) != len(names):
            yield line, raw, f"the line has {len(cells)} columns, the head has {len(names)}"
        else:
            yield line, raw, dict(zip(names, cells, strict=True))


def _undecoded(text: str) -> bool:
    return any("\udc80" <= sign <= "\udcff" for sign in text)


def _shown(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _columns(
    path: Path, rows: Sequence[tuple[int, str, dict[str, Any] | str]], contract: type[Contract],
    text: str | None, id_column: str | None, expect: str | None,
) -> Columns:  # fmt: skip
    names = list(dict.fromkeys(name for *_, row in rows if isinstance(row, dict) for name in row))
    if not names:
        raise InputRefused(
            "no line of the file can be read", where=str(path), came=str(rows[0][2]) if rows else ""
        )
    for named in (text, id_column, expect):
        if named is not None and named not in names:
            raise InputRefused(
                f"there is no column {named!r}", where=str(path), wanted=f"one of {', '.join(names)}"
            )
    by_lower = {name.lower(): name for name in reversed(names)}
    found = text or next((by_lower[name] for name in TEXT_NAMES if name in by_lower), None)
    if found is None:
        raise InputRefused(
            "no column looks like the text",
            where=str(path),
            came=", ".join(names),
            mend="Name it with --text.",
        )
    found_id = id_column or next(
        (by_lower[one] for one in ID_NAMES if one in by_lower and by_lower[one] != found), None
    )
    extra = tuple(
        name for name in contract.model_fields if name in names and name not in ("text", "id", found)
    )
    return Columns(found, found_id, expect, extra)


def _case(
    intake: Intake,
    contract: type[Contract],
    row: dict[str, Any] | str,
    groups: Mapping[str, str] | None,
    raw: str,
) -> NewCase:
    if isinstance(row, str):
        raise InputRefused(row, mend="Correct the line, or take it out.")
    columns = intake.columns
    text = row.get(columns.text)
    if not isinstance(text, str) or not text.strip():
        raise InputRefused(f"the text in column {columns.text!r} is empty", mend="A case needs a text.")
    number = _id(row, columns, text)
    fields: dict[str, Any] = {"text": text, **({"id": number} if "id" in contract.model_fields else {})}
    fields |= {name: row[name] for name in columns.extra if row.get(name) not in (None, "")}
    labels: dict[str, Any] = {"batch": intake.batch}
    if columns.expect:
        labels["expect"] = _expected(row.get(columns.expect), columns.expect, groups)
    return NewCase(contract.accept(fields, by="input"), f"{intake.batch}/{number}", labels)


def _used_before(intake: Intake, case: NewCase) -> InputRefused:
    """Two cases under one id, or, where the content is the id, one case twice."""
    before = f"line {intake.lines[case.case_id]}"
    if intake.columns.id is None:
        return InputRefused(f"the same text stands on {before}", mend="Name a column of ids with --id.")
    return InputRefused(f"the id was used on {before} already", mend="Give it another.")


def _id(row: dict[str, Any], columns: Columns, text: str) -> str:
    if columns.id is None:
        return hashlib.sha256(text.encode()).hexdigest()[:12]
    number = str(row.get(columns.id) if row.get(columns.id) is not None else "").strip()
    if not number:
        raise InputRefused(f"the id in column {columns.id!r} is empty", mend="Give the line an id.")
    return number


def _expected(label: Any, column: str, groups: Mapping[str, str] | None) -> str:
    if groups is None:
        return str(label)
    if str(label) not in groups:
        raise InputRefused(f"the label in column {column!r} is in no group of the map", came=str(label))
    return groups[str(label)]
