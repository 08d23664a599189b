"""Judging: an evaluator's answer made into scores, and its failure made into words."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

from langgraph_switchboard.evals.suite import Evaluator


class Judge:
    """One evaluator as LangSmith calls it.

    LangSmith turns an evaluator that raises into a missing score, and a missing score into
    nothing; a metric would then look better than it is. So failures are caught here, and
    kept by example.

    Args:
        evaluator: Who scores, by the signature of openevals.
        failures: Where failures are told: case to what went wrong.
    """

    def __init__(self, evaluator: Evaluator, failures: dict[str, list[str]]) -> None:
        self._evaluator = evaluator
        self._failures = failures
        self.__name__ = str(getattr(evaluator, "__name__", type(evaluator).__name__))

    async def score(
        self, inputs: dict[str, Any], outputs: dict[str, Any], reference_outputs: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """The scores of one example; empty if its case broke off or the evaluator failed."""
        if "error" in outputs:
            return []
        try:
            given = self._evaluator(inputs=inputs, outputs=outputs, reference_outputs=reference_outputs)
            given = await given if inspect.isawaitable(given) else given
            return [_plain(one) for one in (given if isinstance(given, list) else [given])]
        except Exception as error:
            said = f"the evaluator {self.__name__} failed: {type(error).__name__}: {error}"
            self._failures.setdefault(str(outputs.get("case")), []).append(said)
            return []


def _plain(given: Any) -> dict[str, Any]:
    """A result as key, score and comment.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(given, Mapping) or not isinstance(given.get("key"), str) or "score" not in given:
        raise ValueError(f'{{"key": ..., "score": ...}} is wanted, {given!r:.200} came')
    score, comment = given["score"], given.get("comment")
    if score is not None and not (isinstance(score, int | float) and math.isfinite(score)):
        raise ValueError(f"a score is a number, a bool or None; {score!r:.100} came")
    return {
        "key": given["key"],
        "score": None if score is None else float(score),
        "comment": None if comment is None else str(comment),
    }
