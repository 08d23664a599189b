"""Flows as a user of the plugin might have them: one that keeps the rules, and one that does not."""

from __future__ import annotations

from langgraph_switchboard import Blueprint, CaseState, Contract, StepContext
from langgraph_switchboard.limits import BreakerPolicy, Rate
from langgraph_switchboard.testing.chaos import happened


class Letter(Contract):
    """What came in."""

    text: str


class Posted(Contract):
    """What went out."""

    key: str


class LetterCase(CaseState):
    """One letter."""

    letter: Letter
    posted: Posted | None = None


async def post(letter: Letter, ctx: StepContext) -> Posted:
    """Answer, by the outbox."""
    return Posted(key=ctx.outbox("answer", {"text": letter.text}))


async def post_by_itself(letter: Letter) -> Posted:
    """Answer by a call of its own, behind the switchboard's back."""
    happened("answer")
    return Posted(key="none")


kept = Blueprint("kept", case=LetterCase, owner="office")
kept.effect(post)

broken = Blueprint("broken", case=LetterCase, owner="office")
broken.step(post_by_itself, then="__end__")

bounded = Blueprint("bounded", case=LetterCase, owner="office")
bounded.effect(post, rate=Rate(per_second=100, burst=100), breaker=BreakerPolicy())
