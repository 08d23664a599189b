"""Every kind of fault, and what must become of a case that meets it: declared before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from langgraph_switchboard.testing import FAULTS

Rung = Literal["model", "retried", "told", "plain", "person"]
"""Where a case's answer comes from in the end: the model at once, the model after another attempt, the
model after it was told what breaks the contract, plain code; `person`: an answer that nobody trusts."""


@dataclass(frozen=True)
class Kind:
    """One kind of fault.

    Args:
        code: The typed error that the fault becomes; None where it looks like an answer.
        once: The rung where it strikes the first time only.
        always: The rung where it strikes every time.
        waits: Attempts that fail before plain code answers, where it strikes every time.
        asked: Seconds that the server asks for before the next attempt; None leaves it to the policy.
    """

    code: str | None
    once: Rung
    always: Rung
    waits: int = 0
    asked: float | None = None

    @property
    def requests(self) -> tuple[int, int]:
        """How many requests a case makes where it strikes once, and where it strikes each time."""
        if self.once == "told":
            return 2, 2
        return (2, self.waits + 1) if self.waits else (1, 1)


RETRY_AFTER = 20.0
"""Seconds that the busy server asks for; a date says it in whole ones."""
LONGEST = 300.0
"""The longest wait of the desk's policy: a server that asks for a year is given this much."""


def _passes(code: str, asked: float | None = None) -> Kind:
    return Kind(code, "retried", "plain", waits=2, asked=asked)


def _told(code: str) -> Kind:
    return Kind(code, "told", "plain")


def _final(code: str) -> Kind:
    return Kind(code, "plain", "plain")


KINDS: dict[str, Kind] = {
    "busy": _passes("model_busy"),
    "busy-seconds": _passes("model_busy", RETRY_AFTER),
    "busy-date": _passes("model_busy", RETRY_AFTER),
    "busy-absurd": _passes("model_busy", LONGEST),
    "request-timeout": _passes("model_timeout"),
    "down": _passes("model_down"),
    "bad-gateway": _passes("model_down"),
    "unavailable": _passes("model_down"),
    "overloaded": _passes("model_down"),
    "refused": _passes("model_unreachable"),
    "dropped": _passes("model_unreachable"),
    "reset": _passes("model_unreachable"),
    "hang": _passes("model_timeout"),
    "hang-mid-stream": _passes("model_timeout"),
    "drip": _passes("model_timeout"),
    "cut": _passes("answer_cut"),
    "cut-quietly": _passes("answer_cut"),
    "html": _passes("answer_not_json"),
    "no-choices": _passes("answer_empty"),
    "empty": _passes("answer_empty"),
    "body-error": _passes("answer_empty"),
    "no-json": _told("answer_not_json"),
    "malformed": _told("answer_not_json"),
    "mismatch": _told("answer_mismatch"),
    "wrong-type": _told("answer_mismatch"),
    "nan": _told("answer_mismatch"),
    "surrogates": _told("answer_mismatch"),
    "no-arguments": _told("tool_refused"),
    "duplicate-call": _told("tool_refused"),
    "unknown-call": _told("tool_refused"),
    "quota": _final("model_quota_spent"),
    "bad-request": _final("model_rejected"),
    "key": _final("model_key_refused"),
    "refusal": _final("model_refused"),
    "filter": _final("model_refused"),
    "length": _final("answer_too_long"),
    "oversize": _final("answer_too_long"),
    "injected": Kind(None, "person", "person"),
    "no-usage": Kind(None, "model", "model"),
}
"""What is declared for every fault that the server knows."""

assert set(KINDS) == set(FAULTS)
