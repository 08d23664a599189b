"""Strict resume: the one place that uses a private key of LangGraph, for want of a public one.

Without it an answer to a question that is no longer asked is taken as the answer to whatever is
asked next. With it LangGraph refuses before anything is written. It is a check and no lock: that
nobody else resumes meanwhile is what ownership is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

STRICT = "__pregel_strict_resume"
"""Key in a run's `configurable` that makes it so; for whoever hands a run to another driver."""


def strictly(config: RunnableConfig) -> RunnableConfig:
    """The config under which only an answer to a question that is asked just now is taken.

    A run under it raises `langgraph.errors.UnknownInterruptError` for any other answer.
    """
    return RunnableConfig(**{**config, "configurable": {**config["configurable"], STRICT: True}})


def answer_to(interrupt_id: str, value: Any) -> Command[Any]:
    """The answer to one question, by its id; only such answers are checked."""
    return answers_to({interrupt_id: value})


def answers_to(values: Mapping[str, Any]) -> Command[Any]:
    """The answers to several questions at once, by their ids."""
    return Command(resume=dict(values))
