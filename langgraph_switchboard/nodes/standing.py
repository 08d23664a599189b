"""Faults that are not the step's: the case stays where it is, and its step runs again when it is resumed."""

from __future__ import annotations

from langgraph_switchboard.errors import EffectConflict, StoreError, UnknownVersion


def leaves_the_case_standing(error: BaseException) -> Exception | None:
    """The fault, if it is not the step's: the store's, or that of code older than the state.

    An agent that looks up in parallel raises a group; such a fault counts in there too.
    """
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(leaves_the_case_standing, error.exceptions)), None)
    if isinstance(error, EffectConflict):
        return None  # said again it would be refused again
    return error if isinstance(error, StoreError | UnknownVersion) else None
