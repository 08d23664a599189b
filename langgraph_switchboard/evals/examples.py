"""Datasets: labelled examples, one JSON object a line, in the shape of LangSmith's examples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from uuid import NAMESPACE_URL, uuid5

from langsmith.schemas import Example

from langgraph_switchboard.errors import InputRefused

_KEYS = {"inputs", "outputs", "metadata"}
_SHOWN = 5
# An example has no birthday of its own; a fixed one keeps runs comparable byte for byte.
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def load_dataset(path: str | Path) -> list[Example]:
    """The examples of a JSONL file: `{"inputs": {...}, "outputs": {...}, "metadata": {...}}` a line.

    `outputs` is what is expected; it and `metadata` may be left out. Empty lines are passed
    over. An example's id is made from its inputs, so that two runs, or two versions of a
    file, can be compared example by example.

    Args:
        path: The file, in UTF-8.

    Raises:
        InputRefused: The file is not there or empty, or some lines are no examples; each is
            named by its number.
    """
    file = Path(path)
    examples: dict[str, Example] = {}
    places: dict[str, int] = {}
    wrong: list[str] = []
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        try:
            row = _row(line)
            key = json.dumps(row["inputs"], sort_keys=True)
            if key in places:
                raise ValueError(f"it has the same inputs as line {places[key]}")
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
            continue
        places[key] = number
        examples[key] = _example(file, key, row)
    if wrong:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise InputRefused(
            f"{len(wrong)} of the lines are no examples: {'; '.join(wrong[:_SHOWN])}{more}",
            where=str(file),
            wanted='{"inputs": {...}, "outputs": {...}, "metadata": {...}} on each line',
            lines=[int(one.split()[1].rstrip(":")) for one in wrong],
        )
    if not examples:
        raise InputRefused("the dataset holds no example", where=str(file))
    return list(examples.values())


def _lines(file: Path) -> list[bytes]:
    try:
        return file.read_bytes().split(b"\n")
    except OSError as error:
        raise InputRefused(
            f"the dataset cannot be read: {error.strerror}", where=str(file), mend="Check the path."
        ) from None


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON at character {error.pos + 1}: {error.msg}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(row, dict):
        raise ValueError(f"a JSON object is wanted, a {type(row).__name__} came")
    if unknown := sorted(row.keys() - _KEYS):
        raise ValueError(f"unknown keys {', '.join(map(repr, unknown))}")
    if not isinstance(row.get("inputs"), Mapping) or not row["inputs"]:
        raise ValueError("'inputs' must be an object that holds the inputs of a case")
    for name in ("outputs", "metadata"):
        if not isinstance(row.setdefault(name, {}), Mapping):
            raise ValueError(f"{name!r} must be an object")
    return row


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _example(file: Path, key: str, row: Mapping[str, Any]) -> Example:
    dataset = uuid5(NAMESPACE_URL, f"langgraph-switchboard/datasets/{file.stem}")
    return Example(
        id=uuid5(dataset, key),
        dataset_id=dataset,
        inputs=dict(row["inputs"]),
        outputs=dict(row["outputs"]),
        metadata=dict(row["metadata"]),
        created_at=_BEGINNING,
    )
