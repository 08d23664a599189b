"""Route: where a case goes, how sure we are, and who said so."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from langgraph_switchboard.contracts import Contract

By = Literal["rule", "classifier", "model", "person"]


class Opinion(Contract):
    """What one stage of the cascade thought of a text, whether or not it decided."""

    by: By
    """The kind of stage that speaks."""
    agent: str | None = None
    """The agent it would send the case to; None if it names none."""
    label: str | None = None
    """The group that agent serves, such as `billing`."""
    topic: str | None = None
    """The finest class it sees, such as `card_arrival`."""
    confidence: float = Field(ge=0, le=1)
    """How likely its label is right, from 0 to 1, as this stage knows it."""
    topic_confidence: float | None = Field(default=None, ge=0, le=1)
    """How likely its topic is right; None if this stage does not say."""
    reason: str = Field(min_length=1, max_length=400)
    """Why, in one sentence that a reviewer can read."""


class Route(Contract):
    """Where a case goes next."""

    agent: str | None = None
    """The agent to take it; None means that nobody is sure, and a person decides."""
    label: str | None = None
    """The group on which routing accuracy is measured, such as `billing`; the best guess if unsure."""
    topic: str | None = None
    """The finest class, such as `card_arrival`; the best guess if unsure."""
    confidence: float = Field(ge=0, le=1)
    """Calibrated: of the cases marked 0.9, nine in ten have the right label."""
    topic_confidence: float | None = Field(default=None, ge=0, le=1)
    """How likely the topic is right, which is never likelier than the label; None if nobody says."""
    by: By
    """Who decided; `person` means that it is left to a person."""
    reason: str = Field(min_length=1, max_length=400)
    """Why, in one sentence that a reviewer can read."""
    flags: tuple[str, ...] = ()
    """What to mind on the way, such as `high_stakes`; a flag never routes by itself."""
    opinions: tuple[Opinion, ...] = ()
    """What each stage thought, in the order in which it was asked; kept for the ledger."""


@dataclass(frozen=True)
class Judgement:
    """What a trained router makes of one text, before anybody decides.

    Automate on `confidence`, which is about the label, together with `familiarity`, which
    is about the text: a question from another world may lean clearly to one label.
    """

    label: str
    """The likeliest group."""
    confidence: float
    """Calibrated probability of the label: the sum over its topics."""
    topic: str
    """The likeliest topic of that label."""
    topic_confidence: float
    """Calibrated probability of the topic."""
    familiarity: float
    """Share of the training texts that fitted their best topic no better than this text does,
    each judged by a model that had not seen it. Below 0.05: nineteen in twenty fitted better."""
