"""The bill: which budgets a question to a model must find room in, what it may cost, what it did cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from pydantic_core import to_jsonable_python

from langgraph_switchboard.errors import ModelBusy, ModelError, ModelRejected, ModelUnreachable
from langgraph_switchboard.ledger import Prices
from langgraph_switchboard.limits import Budget, Line, Spent, micros_of, refusals
from langgraph_switchboard.models import Answer, Question, Usage

_CHARACTERS_PER_TOKEN = 3
"""Fewer than there are in most texts, so that an estimate is rather too high than too low."""
_RULES = 300
"""Tokens of what every question says besides: our rules, and marks of the protocol."""
_FREE = (ModelUnreachable, ModelBusy, ModelRejected)
"""Failures that no model worked for: nothing was answered, nothing is charged."""


def estimate(question: Question[Any], budgets: Sequence[Budget]) -> Usage:
    """Tokens that a question may take: what is sent, by its length, and the longest answer meant.

    Args:
        question: The question.
        budgets: What bounds it; the longest answer that one of them sets aside counts.
    """
    facts = json.dumps(to_jsonable_python(dict(question.facts), fallback=str), ensure_ascii=False)
    schema = json.dumps(question.contract.model_json_schema())
    length = len(question.prompt) + len(facts) + len(schema)
    answer = max((budget.answer for budget in budgets), default=0)
    return Usage(_RULES + -(-length // _CHARACTERS_PER_TOKEN), answer)


def wanted(
    model: str,
    usage: Usage,
    budgets: Sequence[tuple[str, Budget]],
    lines: Sequence[Line],
    prices: Prices,
    step: str,
) -> Spent:
    """What a question may cost.

    Args:
        model: The model's name.
        usage: The tokens that it may take.
        budgets: What bounds it, each with whose it is; their bounds for one call are held here.
        lines: The budgets that are shared.
        prices: What models cost.
        step: The step that asks.

    Raises:
        BudgetExceeded: One question may not cost so much, or nobody knows what it costs.
    """
    cost = prices.cost(model, usage.input_tokens, usage.output_tokens)
    wants = Spent(0 if cost is None else micros_of(cost, up=True), usage.input_tokens + usage.output_tokens)
    for line in lines:
        if cost is None and line.micros is not None:
            raise refusals.no_price(step, line.key, model)
    for subject, budget in budgets:
        if cost is None and budget.usd_per_call is not None:
            raise refusals.no_price(step, f"call:{subject}", model)
        most = None if budget.usd_per_call is None else micros_of(budget.usd_per_call)
        tokens = budget.tokens_per_call
        if (most is not None and wants.micros > most) or (tokens is not None and wants.tokens > tokens):
            raise refusals.call_too_large(step, subject, wants, most, tokens)
    return wants


def paid(answer: Answer[Any], model: str, prices: Prices, wants: Spent) -> Spent:
    """What an answer cost; what was wanted, where the server does not tell its tokens."""
    if not answer.usage.is_known or answer.usage == Usage():
        return wants if answer.by == "model" else Spent()
    cost = prices.cost(model, answer.usage.input_tokens, answer.usage.output_tokens)
    known = cost if answer.cost_usd is None else Decimal(str(answer.cost_usd))
    tokens = answer.usage.input_tokens + answer.usage.output_tokens
    return Spent(wants.micros if known is None else micros_of(known, up=True), tokens)


def charged(error: BaseException, model: str, prices: Prices, wants: Spent) -> Spent:
    """What a question cost that was not answered; what was wanted, where nobody knows."""
    if not isinstance(error, ModelError):
        return wants
    usage = Usage(error.input_tokens, error.output_tokens)
    if usage == Usage():
        return Spent() if isinstance(error, _FREE) else wants
    cost = prices.cost(model, usage.input_tokens, usage.output_tokens)
    return Spent(
        wants.micros if cost is None else micros_of(cost, up=True), usage.input_tokens + usage.output_tokens
    )


def is_free(error: ModelError) -> bool:
    """Whether nothing is charged for a question that failed so."""
    return isinstance(error, _FREE) and not (error.input_tokens or error.output_tokens)
