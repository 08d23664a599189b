"""A small flow for browsers: a letter comes in, an answer is drafted, a person decides, it is sent."""

from __future__ import annotations

from pydantic import Field

from langgraph_switchboard import END, Blueprint, CaseState, Contract, Decision, StepContext


class Letter(Contract):
    """What somebody wrote."""

    text: str = Field(min_length=1, max_length=4000)
    draft: str = ""
    """What the agent is to answer; a polite sentence unless given."""
    sender: str = ""


class Paragraph(Contract):
    """One part of an answer."""

    heading: str
    text: str


class Answer(Contract):
    """What we mean to write back."""

    text: str = Field(min_length=5, max_length=2000)
    """The first thing that the sender reads."""
    confidence: float = Field(ge=0, le=1)
    """How sure we are."""
    stamps: int = Field(default=1, ge=1, le=9)
    urgent: bool = False
    tags: tuple[str, ...] = ()
    parts: tuple[Paragraph, ...] = ()


class AnswerDecision(Decision):
    edited: Answer | None = None


class Sent(Contract):
    key: str


class LetterCase(CaseState):
    letter: Letter
    answer: Answer | None = None
    decision: AnswerDecision | None = None
    sent: Sent | None = None


async def write(letter: Letter) -> Answer:
    """Answer politely, and never be sure."""
    return Answer(text=letter.draft or "Thank you for your letter.", confidence=0.4, tags=("polite",))


def in_own_words(message: str, draft: Answer | None) -> Answer:
    """An answer in a person's own words."""
    return Answer(text=message, confidence=1.0)


async def post(answer: Answer, ctx: StepContext) -> Sent:
    """Send it."""
    return Sent(key=ctx.outbox("answer", answer.model_dump(mode="json")))


letters = Blueprint("letters", case=LetterCase, owner="post-room")
letters.step(write, then="gate")
letters.gate("gate", of="answer", threshold=0.8, sure=post, unsure="review")
letters.review(
    "review",
    of="answer",
    decides=AnswerDecision,
    then=post,
    responds=in_own_words,
    within="4h",
    escalates_to="heads",
    undo="2s",
)
letters.effect(post, then=END)
