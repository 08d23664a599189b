"""The outside world of a sweep: a file that remembers what was done to it, whoever is killed.

The fakes of a flow under test (the mail server, the bank) tell it what has happened to them:

    async def post(key: str) -> str:
        happened(key)
        return "posted"

Outside a sweep both functions do nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from langgraph.runtime import get_runtime

from langgraph_switchboard.testing.chaos.points import Reaper

Kind = Literal["effect", "entry"]


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the file.

    Args:
        kind: `effect`: something was done, which must not be done twice; `entry`: a body began.
        key: What was done, or which body.
        case_id: The case that was being driven; empty outside a run.
        checkpoint: Id of the checkpoint that the body stands on; empty outside a run.
    """

    kind: Kind
    key: str
    case_id: str
    checkpoint: str


class World:
    """What has been done to the outside world, in the order in which it was done.

    Args:
        path: The file; every process of a trial adds to the same.
        reaper: Sees each effect, and may kill before and after it.
    """

    def __init__(self, path: Path, reaper: Reaper) -> None:
        self.path = path
        self._reaper = reaper

    @contextmanager
    def around(self) -> Iterator[None]:
        """Let `happened` and `entered` reach this world inside the block."""
        before = _world.set(self)
        try:
            yield
        finally:
            _world.reset(before)

    def add(self, kind: Kind, key: str) -> None:
        """Add a line; it is there for good once this returns."""
        case_id, checkpoint = _where()
        line = json.dumps(asdict(Happening(kind, key, case_id, checkpoint))) + "\n"
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._reaper.effect(f"{kind} {key}", line.encode(), file)
        finally:
            os.close(file)


_world: ContextVar[World | None] = ContextVar("switchboard_chaos_world", default=None)


def happened(key: str) -> None:
    """Tell the sweep that something was done to the outside world; done twice under one key is a fault.

    Args:
        key: What was done, such as `reply` or `refund:CH-20311`; unique within its case.
    """
    if (world := _world.get()) is not None:
        world.add("effect", key)


def entered(place: str) -> None:
    """Tell the sweep that a body begins: the checkpoint that it stands on must be durable."""
    if (world := _world.get()) is not None:
        world.add("entry", place)


def has_happened(case_id: str, key: str) -> bool:
    """Whether something was done for a case: what a person finds out who is asked about a doubt."""
    world = _world.get()
    return world is not None and any(
        (one.kind, one.case_id, one.key) == ("effect", case_id, key) for one in happenings(world.path)
    )


def happenings(path: Path) -> list[Happening]:
    """What the file remembers."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [Happening(**json.loads(line)) for line in lines]


def _where() -> tuple[str, str]:
    try:
        info = get_runtime().execution_info
    except (RuntimeError, KeyError):
        return "", ""
    return ("", "") if info is None else (info.thread_id or "", info.checkpoint_id)
