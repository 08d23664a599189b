"""Branches: what the row of a case says while the case stands on several steps at once.

A step in a branch says where its branch stands, under the key `branch:PATH`, and nothing of the
case; status and step of the case follow from all branches. `0011_shapes.sql` does the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MARK = "branch:"
"""A change of one branch begins with this; its path follows, empty for the case as a whole."""
PARTED = "parted"
"""Status of a branch, or of the whole case, that has parted into branches itself."""
_ORDER = ("running", "waiting", "delayed", "dead_lettered")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where open cases of a flow stand.

    Args:
        step: The step.
        branch: The path of the branch that it stands in, with `*` for the items of a map; empty outside.
        version: The version that the cases were begun under.
        cases: How many there are.
    """

    step: str
    branch: str
    version: int
    cases: int


def shape_of(path: str) -> str:
    """The path of a branch without the numbers of items: they are all alike."""
    return re.sub(r":\d+(?=/|$)", ":*", path)


def branched(branches: Mapping[str, Any], moves: Mapping[str, Any]) -> dict[str, Any]:
    """The branches of a case after some of them have moved; one that has moved to None is gone.

    With one that has come together goes whatever was left within it: a branch that ended under
    another name than it began.
    """
    said = {key.removeprefix(MARK): value for key, value in moves.items() if key.startswith(MARK)}
    whole = [path for path, one in said.items() if one is None or one["status"] != PARTED]
    kept = {path: one for path, one in branches.items() if not any(_is_within(path, of) for of in whole)}
    return {path: one for path, one in {**kept, **said}.items() if one is not None}


def standing_of(branches: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the branches come to, as `status` and `step`; empty where there are none.

    At work if one is, else waiting if one is, else delayed, else set aside. One that has parted
    itself is at work between the end of its last branch and its join.
    """
    alive = [
        (path, {**one, "status": "running"} if one["status"] == PARTED else dict(one))
        for path, one in branches.items()
        if one["status"] != PARTED or not _has_inner(path, branches)
    ]
    alive.sort(key=lambda branch: (_ORDER.index(branch[1]["status"]), branch[0]))
    return alive[0][1] if alive else {}


def _has_inner(path: str, branches: Mapping[str, Any]) -> bool:
    return any(_is_within(other, path) for other in branches)


def _is_within(path: str, of: str) -> bool:
    return path != of and (not of or path.startswith(f"{of}/"))
