"""Decision: what a person says to a review, in whichever of the known shapes it arrives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from langgraph_switchboard.contracts.contract import Contract

DecisionType = Literal["approve", "edit", "reject", "respond"]

# Agent Inbox's words for the same four verbs.
_LEGACY = {"accept": "approve", "ignore": "reject", "response": "respond", "edit": "edit"}


class Decision(Contract):
    """What a person decides about what was shown.

    Subclass it with `edited: Subject | None = None` to let people edit the subject of
    the review. Three shapes are understood: our own fields, LangChain's
    `HITLResponse` (`{"decisions": [one]}` or a single decision) and Agent Inbox's
    `[HumanResponse]`. Who decided is never part of the answer: it comes from the
    authenticator and stands in the envelope and in the review's row.
    """

    type: DecisionType
    """approve: go on as shown; edit: go on with `edited`; reject: do not; respond: `message` answers."""
    message: str = Field(default="", max_length=20_000)
    """The reason for a rejection, or the answer itself when responding."""

    @model_validator(mode="before")
    @classmethod
    def _from_known_shapes(cls, value: Any) -> Any:
        if isinstance(value, list | tuple) and len(value) == 1:
            value = value[0]
        if isinstance(value, Mapping) and set(value) == {"decisions"}:
            decisions = value["decisions"]
            value = decisions[0] if isinstance(decisions, list) and len(decisions) == 1 else value
        if not isinstance(value, Mapping):
            return value
        return _own_shape(dict(value))

    @model_validator(mode="after")
    def _says_what_it_needs(self) -> Decision:
        edited = getattr(self, "edited", None)
        if self.type == "edit" and edited is None:
            raise _misfit("an edit needs the edited subject")
        if self.type != "edit" and edited is not None:
            raise _misfit("only an edit carries an edited subject")
        if self.type == "respond" and not self.message.strip():
            raise _misfit("a response needs a message")
        return self


def _misfit(says: str) -> PydanticCustomError:
    # A custom error's words are known to hold no value, so that they may be repeated.
    return PydanticCustomError("decision_misfit", says)


def _own_shape(value: dict[str, Any]) -> dict[str, Any]:
    value["type"] = _LEGACY.get(str(value.get("type")), value.get("type"))
    if "args" in value:  # Agent Inbox: None, text, or {action, args}
        args = value.pop("args")
        if isinstance(args, str):
            value["message"] = args
        elif value["type"] == "edit" and isinstance(args, Mapping):
            value["edited"] = args.get("args")
    if "edited_action" in value:  # LangChain: {name, args}
        action = value.pop("edited_action")
        value["edited"] = action.get("args") if isinstance(action, Mapping) else action
    return value
