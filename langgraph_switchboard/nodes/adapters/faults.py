"""Failures of other frameworks as ours: by the names of their classes, so that none has to be imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph_switchboard.errors import (
    AnswerUnusable,
    ConfigurationError,
    ModelBusy,
    ModelDown,
    ModelError,
    ModelKeyRefused,
    ModelQuotaSpent,
    ModelRefused,
    ModelRejected,
    ModelTimeout,
    ModelUnreachable,
    StepFailed,
    SwitchboardError,
)
from langgraph_switchboard.models.faults import retry_after

_KINDS: tuple[tuple[str, type[SwitchboardError], str], ...] = (
    # pydantic-ai, the particular before the general
    ("ModelTimeoutError", ModelTimeout, "the model did not answer in time"),
    ("ModelRequestTimeout", ModelTimeout, "the model did not answer in time"),
    ("ModelConnectionError", ModelUnreachable, "no connection to the model"),
    ("ContentFilterError", ModelRefused, "a content filter stopped the answer"),
    ("UnexpectedModelBehavior", AnswerUnusable, "the agent got no usable answer"),
    ("UsageLimitExceeded", StepFailed, "the agent came to a limit of its own"),
    # openai-agents
    ("MaxTurnsExceeded", StepFailed, "the agent took more turns than it may"),
    ("ModelBehaviorError", AnswerUnusable, "the agent got no usable answer"),
    ("ModelRefusalError", ModelRefused, "the model declines to answer"),
    ("InputGuardrailTripwireTriggered", StepFailed, "a guardrail of the agent stopped its input"),
    ("OutputGuardrailTripwireTriggered", StepFailed, "a guardrail of the agent stopped its output"),
    ("UserError", ConfigurationError, "the agent is set up wrongly"),
    # openai's client, under both and under langchain
    ("APITimeoutError", ModelTimeout, "the model did not answer in time"),
    ("APIConnectionError", ModelUnreachable, "no connection to the model"),
    # langchain and langgraph
    ("GraphRecursionError", StepFailed, "the agent took more turns than it may"),
    ("StructuredOutputError", AnswerUnusable, "the agent got no usable answer"),
)
_FRAMEWORKS = ("pydantic_ai", "agents", "openai", "langchain", "langgraph", "anthropic")
_LONGEST = 300


def typed(error: Exception, where: str) -> SwitchboardError | None:
    """A framework's exception as an error of ours, which says whether trying again can help.

    Args:
        error: What the framework raised.
        where: The step.

    Returns:
        None for what is no framework's: a bug of the author's own code, or an error of ours.
    """
    kinds = {one.__name__ for one in type(error).__mro__ if one.__module__.split(".")[0] in _FRAMEWORKS}
    found = _by_status(error) if kinds else None
    found = found or next(((kind, says) for name, kind, says in _KINDS if name in kinds), None)
    if found is None:
        return None
    kind, says = found
    said: dict[str, Any] = {"where": where, "came": f"{type(error).__name__}: {error}"[:_LONGEST]}
    if issubclass(kind, ModelError):
        said["retry_after"] = _wait(error)
    return kind(says, **said)


def _by_status(error: Exception) -> tuple[type[SwitchboardError], str] | None:
    """What an HTTP status says, whichever client met it."""
    status = getattr(error, "status_code", None)
    if not isinstance(status, int):
        return None
    if _quota_is_spent(error):
        return ModelQuotaSpent, "the account has no money or quota left"
    if status in (401, 403):
        return ModelKeyRefused, "the key was refused"
    if status == 408:
        return ModelTimeout, "the model did not answer in time"
    if status in (409, 425, 429):
        return ModelBusy, "the model takes no more requests just now"
    return (
        (ModelDown, "the model's server failed") if status >= 500 else (ModelRejected, "the request is wrong")
    )


def _quota_is_spent(error: Exception) -> bool:
    return getattr(error, "code", None) == "insufficient_quota"


def _wait(error: Exception) -> float | None:
    headers = getattr(error, "headers", None) or getattr(getattr(error, "response", None), "headers", None)
    if not isinstance(headers, Mapping):
        return None
    return retry_after({str(name).lower(): str(value) for name, value in headers.items()})
