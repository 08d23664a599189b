"""What the API takes and gives, as models: what they say of a field is what its documentation says."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from langgraph_switchboard.cases import CaseStatus, ReviewStatus
from langgraph_switchboard.cases.letters import LetterStatus

Id = Annotated[str, Field(min_length=1, max_length=200)]
Label = str | int | float | bool | None


class Model(BaseModel):
    """A value of the API: nothing that nobody knows, and descriptions from the docstrings."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str
    title: str
    status: int
    detail: str
    """For people."""
    code: str
    """For programs; it does not change."""


class Page(Model):
    """Which page of a list."""

    limit: int = Field(default=50, ge=1, le=200)
    """At most so many."""
    after: str | None = Field(default=None, max_length=400)
    """`next` of the page before."""


class CasesQuery(Page):
    """Which cases."""

    flow: str | None = Field(default=None, max_length=200)
    """Of this flow."""
    status: CaseStatus | None = None
    """In this status."""
    q: str = Field(default="", max_length=200)
    """Whose id begins so."""
    label: list[str] = Field(default_factory=list, max_length=10)
    """With all of these labels, each as `name:text`."""


class ReviewsQuery(Page):
    """Which of the reviews that wait."""

    flow: str | None = Field(default=None, max_length=200)
    """Of this flow."""
    kind: str | None = Field(default=None, max_length=200)
    """Of this kind."""
    risk: Literal["low", "medium", "high"] | None = None
    """Of this risk."""
    owner: str | None = Field(default=None, max_length=200)
    """Of this group."""
    assigned_to: str | None = Field(default=None, max_length=200)
    """That this person is looking at."""
    overdue: bool = False
    """Only those that were promised before now."""
    q: str = Field(default="", max_length=200)
    """With these words in them."""


class EventsQuery(Model):
    """Which events."""

    flow: list[str] = Field(default_factory=list, max_length=20)
    """Of these flows."""
    kind: list[str] = Field(default_factory=list, max_length=40)
    """Of these kinds."""
    case_id: str | None = Field(default=None, max_length=200)
    """Of this case."""
    after: str | None = Field(default=None, max_length=60)
    """The id of the last event seen; the header `Last-Event-ID` says the same. Without it, from now on."""


class NewCaseBody(Model):
    """A case to be handed in."""

    flow: str = Field(min_length=1, max_length=200)
    """Name of the flow that it goes through."""
    inputs: dict[str, Any]
    """The payload of each input contract by field."""
    case_id: Annotated[str | None, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")] = None
    """Its id; made unless given. The same id with the same inputs is the same case."""
    labels: dict[Id, Label] = Field(default_factory=dict, max_length=50)
    """Facts about it that no agent sees."""


class DecisionBody(Model):
    """An answer to a review."""

    decision: dict[str, Any] | list[Any]
    """Our own fields (`type`, `message`, `edited`), LangChain's `HITLResponse`, or Agent Inbox's list of
    one."""
    digest: str | None = Field(default=None, max_length=200)
    """The review's `token` as it was shown; refused if it shows something else by now."""
    wait: bool = True
    """Whether to answer only when the case has come to rest again."""


class BulkBody(Model):
    """One answer to many reviews of one kind."""

    reviews: list[Id] = Field(min_length=1, max_length=200)
    """The reviews, all of one kind and none of high risk."""
    message: str = Field(default="", max_length=4000)
    """What to say to all of them."""


class EscalateBody(Model):
    """To whom a review is handed on, and why."""

    to: str | None = Field(default=None, max_length=200)
    """The group; the one that the blueprint names unless given."""
    message: str = Field(default="", max_length=2000)
    """Why."""


class Nothing(Model):
    """An empty object: the call says it all."""


class OperateBody(Model):
    """Why an operator does it."""

    reason: str = Field(default="", max_length=2000)
    """Kept in the case's story."""


class WhyBody(Model):
    """Why an operator puts an end to something."""

    why: str = Field(min_length=1, max_length=2000)
    """Kept in the case's story."""


class LettersQuery(Model):
    """Which dead letters."""

    flow: str | None = Field(default=None, max_length=200)
    """Of this flow."""
    status: LetterStatus = "open"
    """In this status."""
    limit: int = Field(default=50, ge=1, le=200)
    """At most so many."""


class CaseOut(Model):
    """One case."""

    case_id: str
    flow: str
    blueprint_version: int
    status: CaseStatus
    step: str
    """The step that it stands on, or stood on last."""
    input: dict[str, Any]
    labels: dict[str, Any]
    reason: str | None
    """Why a person is asked, or why it ended as it did."""
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None


class ReviewOut(Model):
    """One question to a person."""

    review_id: str
    case_id: str
    flow: str
    step: str
    kind: str
    status: ReviewStatus
    subject: str
    """The field that is decided on."""
    shown: dict[str, Any]
    """What the person sees: payload by field."""
    token: str
    """Names everything that is shown; a decision sends it back as `digest`."""
    version: int
    reason: str
    """Why a person is asked."""
    risk: str
    amount: float | None
    owner: str
    """The group that answers it."""
    people: int
    """How many different people must approve it."""
    approved_by: list[str]
    assigned_to: str | None
    opened_at: datetime
    due_at: datetime | None
    expires_at: datetime | None
    decision: dict[str, Any] | None
    decided_by: str | None
    decided_at: datetime | None
    effective_at: datetime | None
    """Until when a decision that is held can be taken back."""


class EventOut(Model):
    """One entry of a case's story."""

    kind: str
    step: str
    at: datetime
    seconds: float | None
    data: dict[str, Any]


class LetterOut(Model):
    """A case, or a branch of one, that could not go on."""

    letter_id: str
    case_id: str
    flow: str
    step: str
    """The step that failed, and with which a redrive goes on."""
    branch: str
    reason: str
    set_aside_at: datetime
    status: LetterStatus
    settled_by: str | None
    settled_at: datetime | None
    why: str | None


class Letters(Model):
    """Dead letters, the oldest first."""

    items: list[LetterOut]


class Cases(Model):
    """A page of cases, newest first."""

    items: list[CaseOut]
    next: str | None
    """Where the next page begins; null at the end."""


class Reviews(Model):
    """A page of reviews, the longest waiting first."""

    items: list[ReviewOut]
    next: str | None
    """Where the next page begins; null at the end."""


class CaseWhole(Model):
    """One case with everything that is known about it."""

    case: CaseOut
    state: dict[str, Any]
    """Its fields as payload; those not written yet are null."""
    story: list[EventOut]
    reviews: list[ReviewOut]


class Story(Model):
    """What happened to a case, in order."""

    items: list[EventOut]
    lines: list[str]
    """The same for people, one line for each event."""


class State(Model):
    """The fields of a case."""

    state: dict[str, Any]
    """Payload by field; those not written yet are null."""


class Decided(Model):
    """What became of an answer."""

    review: ReviewOut
    case: CaseOut


class BulkOne(Model):
    """What became of one of many."""

    review_id: str
    done: bool
    detail: str
    """Why not, where it was refused."""
    code: str


class Bulk(Model):
    """What became of one answer to many."""

    items: list[BulkOne]


class Me(Model):
    """Who asks, as the server knows them."""

    name: str
    local: bool
    """The user of this machine, whom nobody has to let in."""
    roles: list[str]
    scope: dict[str, Any]
    rights: list[str]


class FlowOut(Model):
    """A flow that cases can be handed in for."""

    name: str
    version: int
    owner: str
    inputs: dict[str, Any]
    """The JSON Schema of each input contract by field."""


class Flows(Model):
    """The flows that are served here."""

    items: list[FlowOut]


class Status(Model):
    """How the server is."""

    status: str
