"""Inputs for a sweep of one's own blueprint: the first lines of a JSONL file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from langgraph_switchboard.errors import InputRefused
from langgraph_switchboard.graphs import Blueprint


def read_inputs(path: Path, flow: Blueprint, most: int) -> list[dict[str, Any]]:
    """What the subject of each line is called with: `inputs`, and `decision` where the line has one.

    A line holds `{"inputs": {...}, "decision": {...}}`, or the fields of the input contract
    themselves where the flow has one; what the contract does not know is left out.

    Args:
        path: The file.
        flow: The blueprint whose inputs they are.
        most: How many lines are read.

    Raises:
        InputRefused: The file cannot be read, holds no line, or a line is no JSON object.
    """
    try:
        with path.open(encoding="utf-8") as file:
            lines = list(islice(_objects(path, file), most))
    except OSError as error:
        raise InputRefused("the inputs cannot be read", where=str(path), came=error.strerror or "") from None
    if not lines:
        raise InputRefused("the file of inputs is empty", where=str(path), wanted="a JSON object per line")
    return [_called_with(line, flow) for line in lines]


def _objects(path: Path, lines: Any) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputRefused("a line is no JSON", where=f"{path}:{number}", came=error.msg) from None
        if not isinstance(value, dict):
            raise InputRefused("a line is no JSON object", where=f"{path}:{number}")
        yield value


def _called_with(line: Mapping[str, Any], flow: Blueprint) -> dict[str, Any]:
    inputs = flow.process().flow().inputs
    given = line.get("inputs", line)
    if len(inputs) == 1 and not given.keys() & inputs.keys():
        [(field, contract)] = inputs.items()
        given = {field: {name: value for name, value in given.items() if name in contract.model_fields}}
    else:
        given = {name: value for name, value in given.items() if name in inputs}
    return {"inputs": dict(given), "decision": line.get("decision")}
