"""The review step: show the case to a person, wait, and go on with the decision that stands."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from functools import cache
from typing import Any, ClassVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphInterrupt
from langgraph.types import interrupt
from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from langgraph_switchboard.cases import ReviewRow, as_values
from langgraph_switchboard.contracts import (
    Contract,
    Decision,
    Envelope,
    digest_of,
    is_sealed,
    restored,
    seal,
    wrap,
)
from langgraph_switchboard.errors import ReviewNotYours, ReviewStale
from langgraph_switchboard.ledger import Event, Row, TaskKey
from langgraph_switchboard.nodes.context import StepContext, settle
from langgraph_switchboard.nodes.question import question, verbs_of
from langgraph_switchboard.nodes.services import acting
from langgraph_switchboard.nodes.spec import END, Review, Risk, Step, Take
from langgraph_switchboard.nodes.turn import Given, Turn


async def ask_person(step: Step, given: Given, ctx: StepContext, config: RunnableConfig) -> Turn:
    """Open the review, wait for an answer, and take the decision that stands in its row.

    On a resume LangGraph runs the step from its top: the row and the event are said
    again in the same places, which changes nothing, and `interrupt` gives the answer.
    """
    review = step.review
    assert review is not None
    row = _row(step, review, given, ctx)
    ctx.entries += [
        Row("reviews", as_values(row)),
        Event("review_opened", step.name, row.opened_at, {"review_id": row.review_id, "reason": row.reason}),
    ]
    draft = given.values.get(review.of)
    schema = answer_model(review.decides, draft is not None, review.responds is not None)
    standing = await decided(step, row, schema, ctx, config)
    return _go_on(step, review, standing, draft, ctx)


async def decided(
    step: Step, row: ReviewRow, schema: type[Answer], ctx: StepContext, config: RunnableConfig
) -> ReviewRow:
    """Ask what `row` asks, and give the row with the decision that stands in it.

    An answer that settles nothing leaves the question open: the first of two approvals, one that
    came second while a decision is held, one on what somebody has proposed to change meanwhile.

    Raises:
        GraphInterrupt: Nobody has answered yet, or the answer settles nothing.
        ValidationError: The answer does not fit, or is on something else; the review stays open.
    """
    answers, unanswered = _heard(step, row, schema)
    if not answers:
        raise unanswered
    await settle(ctx)  # the row must be there, whoever drove the case here
    # LangGraph gives earlier answers again at each resume; only the last one is new.
    answer = answers[-1]
    with suppress(ReviewStale, ReviewNotYours):
        stands = await ctx.services.store.decide(
            row.review_id,
            version=answer.version or row.version,
            digest=answer.digest or row.digest,
            decision=answer.decision.model_dump(mode="json"),
            by=who_decides(config),
            at=ctx.now(),
            people=people_for(step.review, row.shown, answer.decision) if step.review else 1,
            source=f"{ctx.task.task_id}:{len(answers)}",
        )
        if stands.status == "decided":
            return stands
    raise unanswered


def _heard(step: Step, row: ReviewRow, schema: type[Answer]) -> tuple[list[Answer], GraphInterrupt]:
    answers: list[Answer] = []
    asked = _asked.set(row)
    try:
        while True:
            answers.append(interrupt(question(step, row, schema.verbs), response_schema=schema))
    except GraphInterrupt as unanswered:
        return answers, unanswered
    finally:
        _asked.reset(asked)


_asked: ContextVar[ReviewRow | None] = ContextVar("switchboard_asked", default=None)
STALE = "decision_stale"
"""Code of an answer to something else than is shown."""


class Answer(BaseModel):
    """A resume value, normalised: the decision, and what the person was looking at.

    From the switchboard's own route it names version and digest of what was shown; a
    bare decision, as Agent Inbox and the SDK send it, answers what is shown now.
    """

    # The error travels to clients, logs and traces: it must not repeat what a person wrote.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    decision: Decision
    version: int | None = None
    digest: str | None = None
    verbs: ClassVar[tuple[str, ...]] = ()
    """What can be answered."""

    @model_validator(mode="before")
    @classmethod
    def _wrap_bare(cls, value: Any) -> Any:
        row = _asked.get()
        draft = row.shown.get(row.subject) if row else None
        if isinstance(value, Mapping) and "decision" in value:
            return {**value, "decision": restored(value["decision"], draft)}
        return {"decision": restored(value, draft)}

    @model_validator(mode="after")
    def _is_on_what_is_shown(self) -> Answer:
        # Judged here and not after it: LangGraph keeps an answer that has passed, and would give
        # the same stale one to the step for ever.
        row = _asked.get()
        if row and (self.version or row.version, self.digest or row.digest) != (row.version, row.digest):
            raise PydanticCustomError(STALE, "what is to be decided has changed since it was shown")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        # Clients render a form from it: show them the decision, not our wrapping.
        decides = cast("type[Decision]", cls.model_fields["decision"].annotation)
        return handler(decides.__pydantic_core_schema__)


@cache
def answer_model(decides: type[Decision], has_draft: bool, can_respond: bool) -> type[Answer]:
    """The response schema of a review: a wrong answer is refused and the review stays open."""

    def _can_be_done(self: Any) -> Any:
        if self.decision.type == "approve" and not has_draft:
            raise PydanticCustomError(
                "decision_no_draft", "there is no draft to approve: edit it instead, or respond"
            )
        if self.decision.type == "respond" and not can_respond:
            raise PydanticCustomError("decision_free", "takes no free answer here: approve, edit or reject")
        return self

    return type(
        f"{decides.__name__}Answer",
        (Answer,),
        {
            "__annotations__": {"decision": decides},
            "__module__": __name__,
            "verbs": verbs_of(decides, has_draft=has_draft, can_respond=can_respond),
            "_can_be_done": model_validator(mode="after")(_can_be_done),
        },
    )


def _row(step: Step, review: Review, given: Given, ctx: StepContext) -> ReviewRow:
    shown = {name: value["payload"] for name, value in given.state.items() if is_sealed(value)}
    shown.pop(review.decision_field, None)
    opened, draft = ctx.now(), given.values.get(review.of)
    due = opened + review.within if review.within else None
    return ReviewRow(
        review_id=_review_id(ctx.task),
        case_id=ctx.case_id,
        flow=ctx.flow.name,
        step=step.name,
        version=1,
        subject=review.of,
        shown=shown,
        digest=digest_of(shown),
        reason=str(given.state.get("reason") or "a person is asked"),
        status="open",
        opened_at=opened,
        due_at=due,
        kind=step.name,
        risk=risk_of(review, shown, None),
        amount=amount_of(review, draft),
        owner=step.owner,
        agent=str((given.state.get(review.of) or {}).get("by") or ""),
        expires_at=opened + review.expires if review.expires else None,
        on_expiry=review.on_expiry,
        remind_at=due - review.remind if due and review.remind else None,
        escalates_to=review.escalates_to,
        people=people_for(review, shown, None),
    )


def amount_of(review: Review, subject: Contract | None) -> float | None:
    """The money at stake, where the blueprint says how to read it from the subject."""
    amount = review.amount(subject) if review.amount is not None and subject is not None else None
    return None if amount is None else float(amount)


def people_for(review: Review, shown: Mapping[str, Any], decision: Decision | None) -> int:
    """How many different people must approve what is shown, or what a decision puts in its place.

    Args:
        review: What the blueprint says.
        shown: Payload by field.
        decision: An edit counts with what it makes of the subject.
    """
    if review.people_when is None:
        return max(review.people, 1)
    given = _read(review, review.people_when_takes, shown, decision)
    return max(review.people, int(review.people_when(**given)), 1)


def risk_of(review: Review, shown: Mapping[str, Any], decision: Decision | None) -> Risk:
    """How much harm a wrong decision on this case does; see `people_for`."""
    if review.high_when is None:
        return review.risk
    is_high = review.high_when(**_read(review, review.high_when_takes, shown, decision))
    return "high" if is_high else review.risk


def _read(
    review: Review, takes: Sequence[Take], shown: Mapping[str, Any], decision: Decision | None
) -> dict[str, Contract | None]:
    """What a rule of a review reads: what people are shown, with what an edit makes of the subject."""
    edited = getattr(decision, "edited", None)
    seen = {**shown, review.of: edited.model_dump(mode="json")} if edited is not None else shown
    return {
        take.field: take.contract.accept(seen[take.field], by=take.field) if seen.get(take.field) else None
        for take in takes
    }


def _review_id(task: TaskKey) -> str:
    place = f"{task.case_id}\n{task.namespace}\n{task.task_id}".encode()
    return f"rv-{hashlib.sha256(place).hexdigest()[:12]}"


def who_decides(config: RunnableConfig) -> str:
    """Who answers: the switchboard's caller, or the user whom a LangGraph server authenticated."""
    named = acting() or config.get("configurable", {}).get("langgraph_auth_user_id")
    return str(named) if named else "somebody"


def _go_on(step: Step, review: Review, row: ReviewRow, draft: Contract | None, ctx: StepContext) -> Turn:
    by = row.decided_by or "somebody"
    decision = review.decides.accept(row.decision, by=by)
    ctx.entries.append(
        Event(
            "review_decided",
            step.name,
            row.decided_at or ctx.now(),
            {"review_id": row.review_id, "type": decision.type, "by": by, "message": decision.message},
        )
    )
    sealed = {review.decision_field: wrap(decision, by=by)}
    told = {"decision": decision.type, "by": by}
    if decision.type == "reject":
        to = step.way("rejected") or END
        reason = f"declined by {by}" + (f": {decision.message}" if decision.message else "")
        return Turn("rejected", to, sealed, reason, told, outcome="declined" if to == END else None)
    sealed |= _subject(review, decision, draft, by)
    return Turn("then", step.way("then") or END, sealed, data=told)


def _subject(review: Review, decision: Decision, draft: Contract | None, by: str) -> dict[str, Envelope]:
    if decision.type == "edit":
        edited: Contract = decision.edited  # type: ignore[attr-defined]  # the blueprint checked that it is there
        return {review.of: wrap(edited, by=by)}
    if decision.type == "respond":
        assert review.responds is not None, "the response schema refuses a free answer otherwise"
        return {review.of: seal(review.responds(decision.message, draft), review.subject, by=by)}
    return {}
