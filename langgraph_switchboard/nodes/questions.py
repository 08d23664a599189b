"""Questions to a model within limits: budget, rate and breaker are asked for each, and settled after.

A flow in which nothing is bounded, and one that no model answers, asks nobody and pays nothing.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from langgraph_switchboard.errors import BudgetExceeded, LimitMet, ModelError
from langgraph_switchboard.limits import (
    Breaker,
    Bucket,
    Budget,
    Call,
    Grant,
    Line,
    ModelPolicy,
    Sample,
    Spent,
    micros_of,
    policy_of,
)
from langgraph_switchboard.limits.calls import Scope
from langgraph_switchboard.models import Answer, Answerer, Question, Usage, in_place_of_model
from langgraph_switchboard.models.asking import C
from langgraph_switchboard.nodes import bill
from langgraph_switchboard.nodes.admission import Asker, admit, epoch_of, settle_call


async def ask_within_limits(question: Question[C], answerer: Answerer[C] | None, asker: Asker) -> Answer[C]:
    """Ask the model when it may be asked; where it may not, plain code stands in.

    Args:
        question: The question.
        answerer: Plain code that can answer it too.
        asker: Who asks.

    Raises:
        LimitMet: It may not be asked, and there is no answerer, or the step is tried again first.
        ModelError: There is no usable answer.
        StoreError: Nobody can say whether it may be asked.
    """
    models, model = asker.services.models, asker.services.models.model
    if model is None:
        return await models.ask(question, answerer)
    try:
        call = _call_of(question, model, policy_of(asker.services.model_policies, model), asker)
        grant = await admit(call, asker) if call and call.is_bound else None
    except LimitMet as met:
        value = await in_place_of_model(question, answerer, met)
        if isinstance(met, BudgetExceeded):
            asker.breach = met  # what plain code gave is a draft: a person goes on from it
        return Answer(value, "answerer", model=model, cost_usd=0.0, fallback_reason=met.code)
    if grant is None:
        return await models.ask(question, answerer)
    return await _ask(question, answerer, grant, model, asker)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that a model failed to answer.

    Args:
        model: The model.
        usage: Tokens that were paid for all the same.
        cost_usd: Dollars for them; None is unknown.
    """

    model: str | None
    usage: Usage
    cost_usd: float | None


def unanswered(error: ModelError, asker: Asker) -> Unanswered:
    """What a question has cost that was not answered."""
    model = asker.services.models.model
    usage = Usage(error.input_tokens, error.output_tokens)
    if bill.is_free(error):
        return Unanswered(model, usage, 0.0)
    if model is None or usage == Usage():
        return Unanswered(model, Usage(is_known=False), None)
    cost = asker.services.prices.cost(model, usage.input_tokens, usage.output_tokens)
    return Unanswered(model, usage, None if cost is None else float(cost))


async def _ask(
    question: Question[C], answerer: Answerer[C] | None, grant: Grant, model: str, asker: Asker
) -> Answer[C]:
    prices, wants, began = asker.services.prices, grant.call.wants, time.perf_counter()
    try:
        answer = await asker.services.models.ask(question, answerer)
    except BaseException as error:
        # Broken off by the step's timeout counts against the model, too: it did not answer in time.
        sample = Sample(True, time.perf_counter() - began)
        await settle_call(grant, bill.charged(error, model, prices, wants), sample, asker)
        raise
    confidence = getattr(answer.value, "confidence", None)
    failed = answer.fallback_reason is not None
    sample = Sample(
        failed, answer.seconds, confidence if isinstance(confidence, float) and not failed else None
    )
    await settle_call(grant, bill.paid(answer, model, prices, wants), sample, asker)
    return answer


@asynccontextmanager
async def spending(asker: Asker, answers: Sequence[Answer[Any]]) -> AsyncIterator[None]:
    """Hold an agent of another framework to the budgets above it, which asks models by itself.

    What it will cost nobody can say, so it may begin where something is left, and what it turned
    out to cost is counted when it is over. Where it does not tell its tokens, so many count as were
    set aside for an answer; dollars that nobody knows count as none, and the ledger says that they
    are unknown.

    Args:
        asker: The step.
        answers: What it was told of the models in there; what is added inside the block counts.

    Raises:
        BudgetExceeded: Nothing is left.
    """
    bounds = _bounds_above(asker)
    lines = _lines_of(bounds, asker)
    if not lines:
        yield
        return
    has_dollars = any(line.micros is not None for line in lines)
    wants = Spent(1 if has_dollars else 0, max(bound.budget.answer for bound in bounds))
    grant = await admit(Call(asker.case_id, asker.step, epoch_of(asker), lines, wants), asker)
    before = len(answers)
    try:
        yield
    finally:
        spent = Spent()
        for answer in answers[before:]:
            cost = bill.paid(answer, answer.model or "", asker.services.prices, wants)
            spent = Spent(spent.micros + cost.micros, spent.tokens + cost.tokens)
        await settle_call(grant, spent, Sample(), asker)


@dataclass(frozen=True, slots=True)
class _Bound:
    """One budget above a question, and whose it is: in this case, and on a day.

    Args:
        budget: The budget.
        name: Whose it is.
        each: What it is of in one case, and the subject there; None where it holds for days only.
        daily: What it is of on a day.
    """

    budget: Budget
    name: str
    each: tuple[Scope, str] | None
    daily: Scope


def _bounds_above(asker: Asker) -> list[_Bound]:
    """The budgets of the step and of the blueprints around it, the nearest first."""
    flow, case = asker.flow, asker.case_id
    of = [*flow.bounds, *([(asker.step, asker.budget)] if asker.budget else [])]
    return [
        _Bound(budget, f"{flow.name}/{path}", ("step", f"{case}/{path}"), "agent")
        if path
        else _Bound(budget, flow.name, ("case", case), "flow")
        for path, budget in reversed(of)
    ]


def _call_of(question: Question[Any], model: str, policy: ModelPolicy, asker: Asker) -> Call | None:
    """What is to be asked before the question; None where nothing bounds it.

    Raises:
        BudgetExceeded: One question may not cost so much, or nobody knows what it costs.
    """
    bounds = _bounds_above(asker)
    if policy.budget is not None:
        bounds.append(_Bound(policy.budget, model, None, "model"))
    if not (bounds or policy.rate or policy.breaker):
        return None
    lines = _lines_of(bounds, asker)
    usage = bill.estimate(question, [bound.budget for bound in bounds])
    named = [(bound.name, bound.budget) for bound in bounds]
    return Call(
        asker.case_id,
        asker.step,
        epoch_of(asker),
        lines,
        bill.wanted(model, usage, named, lines, asker.services.prices, asker.step),
        Bucket("model", model, policy.rate) if policy.rate else None,
        Breaker("model", model, policy.breaker) if policy.breaker else None,
    )


def _lines_of(bounds: Sequence[_Bound], asker: Asker) -> tuple[Line, ...]:
    """The shared budgets that a question must find room in: those of the case, then those of the day."""
    today = asker.now().date()
    made = [
        Line(*bound.each, _micros(bound.budget.usd), bound.budget.tokens) for bound in bounds if bound.each
    ]
    made += [
        Line(bound.daily, bound.name, _micros(bound.budget.usd_per_day), bound.budget.tokens_per_day, today)
        for bound in bounds
    ]
    return tuple(line for line in made if line.micros is not None or line.tokens is not None)


def _micros(usd: float | None) -> int | None:
    return None if usd is None else micros_of(usd)
