"""How the writer says no, and how it says it again."""

from __future__ import annotations

import copy

from langgraph_switchboard.errors import (
    StoreClosed,
    StoreError,
    StoreUnavailable,
    Superseded,
    SwitchboardError,
)
from langgraph_switchboard.postgres.batch import Operation


def twin(error: BaseException) -> BaseException:
    """The same error without its frames.

    What is remembered must not hold on to the stack, and with it the state, of
    whoever met it; and each who is told gets an object of his own to raise.
    """
    if isinstance(error, SwitchboardError):
        other: BaseException = type(error).__new__(type(error), *error.args)
        other.__dict__.update(error.__dict__)
        return other
    try:
        return copy.copy(error)
    except Exception:  # an exception class that cannot be copied
        return StoreError(f"{type(error).__name__}: {error}", where="an earlier write of this run")


def closed(key: str) -> StoreClosed:
    """The writer takes nothing more."""
    return StoreClosed(
        "The writer is closed", where=f"write of {key!r}", mend="Open a new one; nothing was written"
    )


def dropped(operation: Operation) -> StoreError:
    """Its caller went away before it was sent."""
    return StoreError(
        "A write was cancelled before it was sent",
        where=f"write of {operation.key!r}",
        mend="Nothing of it was written, so nothing later of its run is; start the run again",
    )


def overdue(operation: Operation) -> StoreUnavailable:
    """It waited too long for its turn."""
    return StoreUnavailable(
        "A write waited too long for its turn",
        where=f"write of {operation.key!r}",
        mend="Nothing of it was written. Postgres is too slow for the load, or does not answer",
    )


def superseded(operation: Operation) -> Superseded:
    """It does not hold what it claimed to hold."""
    held = operation.held
    return Superseded(
        "Another owner took the case over",
        where=f"write of {operation.key!r}",
        came=f"token {held.token if held else None} of {held.key if held else None!r}",
        mend="Nothing was written; whoever owns the case now goes on with it",
    )


def never_came(key: str, token: object, seconds: float) -> StoreUnavailable:
    """Somebody waited for a write that did not come."""
    return StoreUnavailable(
        f"The write {token!r} was not committed within {seconds:g} s",
        where=f"barrier of {key!r}",
        mend="Look whether the run still saves its checkpoints (durability 'exit' does not)",
    )
