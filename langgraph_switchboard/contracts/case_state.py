"""CaseState: the shared record of one case, and the three plain schemas derived from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, NotRequired, Self, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, WithJsonSchema
from pydantic.fields import FieldInfo
from typing_extensions import TypedDict

from langgraph_switchboard.contracts.contract import Contract
from langgraph_switchboard.contracts.envelope import is_sealed, open_envelope
from langgraph_switchboard.errors import BlueprintError

OUTCOMES = ("finished", "declined", "dead_lettered")
"""How a case can end; written by a terminal step, never guessed from an empty task list."""

CONTROL = ("case_id", "outcome", "reason", "failure", "rungs", "visits", "sets")
"""State keys that belong to the switchboard; a case may not use them for its own fields."""


@dataclass(frozen=True)
class CaseField:
    """One field of a case: its name, its contract, and whether it comes from outside."""

    name: str
    contract: type[Contract]
    is_input: bool
    description: str


class CaseState(BaseModel):
    """The system of record of one case: one field per contract that steps hand on.

    A required field is an input of the case; a field that is `... | None = None` is
    written by a step on the way:

        class SupportCase(CaseState):
            ticket: Ticket
            reply: Reply | None = None
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", revalidate_instances="always", use_attribute_docstrings=True
    )

    @classmethod
    def fields(cls) -> dict[str, CaseField]:
        """The fields by name, in the order of the class.

        Raises:
            BlueprintError: A field is no contract, or uses a name that the switchboard needs.
        """
        return _fields(cls)

    @classmethod
    def field_of(cls, contract: type[Contract]) -> str | None:
        """The only field that holds `contract`, or None where none or several do."""
        holders = [name for name, field in cls.fields().items() if field.contract is contract]
        return holders[0] if len(holders) == 1 else None

    @classmethod
    def view(cls, values: Mapping[str, Any]) -> Self:
        """The typed view of a case's state: every sealed field opened, the others None.

        An input that no opening step has sealed yet is not shown.

        Raises:
            ContractViolation: A stored envelope is damaged, unknown or invalid.
        """
        opened = {
            name: open_envelope(values[name], field.contract) if _is_shown(values.get(name), field) else None
            for name, field in cls.fields().items()
        }
        return cast("Self", cls.model_construct(None, **cast("dict[str, Any]", opened)))


def _is_shown(value: object, field: CaseField) -> bool:
    return is_sealed(value) if field.is_input else value is not None


@cache
def _fields(case: type[CaseState]) -> dict[str, CaseField]:
    return {name: _case_field(case, name, info) for name, info in case.model_fields.items()}


def _case_field(case: type[CaseState], name: str, info: FieldInfo) -> CaseField:
    if name in CONTROL:
        raise BlueprintError(
            f"the field {name!r} of {case.__name__} uses a name of the switchboard's own",
            mend=f"Rename it; {', '.join(CONTROL)} are taken.",
        )
    kind = info.annotation
    optional = get_origin(kind) in (Union, UnionType) and NoneType in get_args(kind)
    if optional:
        parts = [part for part in get_args(kind) if part is not NoneType]
        kind = parts[0] if len(parts) == 1 else kind
    if not (isinstance(kind, type) and issubclass(kind, Contract)):
        raise BlueprintError(
            f"the field {name!r} of {case.__name__} is no contract",
            wanted="a Contract (an input) or `Contract | None = None` (written by a step)",
            came=str(info.annotation),
        )
    if '"writeOnly": true' in json.dumps(kind.model_json_schema(mode="serialization")):
        raise BlueprintError(
            f"the field {name!r} of {case.__name__} holds a secret, of which only stars would be kept",
            mend="Leave secrets out of contracts: let the step that needs one fetch it.",
        )
    return CaseField(name, kind, info.is_required(), info.description or kind.__doc__ or "")


@dataclass(frozen=True)
class Schemas:
    """The TypedDicts that LangGraph sees; no pydantic type is among them.

    With a pydantic type as a schema one bad payload makes `get_state` raise for good;
    a plain dictionary never does.
    """

    input: type
    output: type
    state: type


def _latest_visits(left: dict[str, int] | None, right: object) -> dict[str, int]:
    """Merge visit counters by step: the higher count stands (parallel branches touch different keys).

    It takes anything: an error in a reducer would make the thread unreadable for good.
    """
    merged = dict(left or {})
    for step, count in right.items() if isinstance(right, Mapping) else ():
        if isinstance(count, int):
            merged[step] = max(count, merged.get(step, 0))
    return merged


def _latest_rungs(left: dict[str, str] | None, right: object) -> dict[str, str]:
    """Merge the rungs that failures ended on, by step; it takes anything, as above."""
    merged = dict(left or {})
    for step, rung in right.items() if isinstance(right, Mapping) else ():
        if isinstance(rung, str):
            merged[step] = rung
    return merged


def _merge_sets(left: dict[str, Any] | None, right: object) -> dict[str, Any]:
    """Merge what is known of sets: of a new round the news alone, of the same round member by member.

    It takes anything, as `_latest_visits` does.
    """
    merged = dict(left or {})
    for name, news in right.items() if isinstance(right, Mapping) else ():
        if not isinstance(news, Mapping):
            continue
        known = merged.get(name) or {}
        if _round(news) > _round(known):
            merged[name] = dict(news)
        elif _round(news) == _round(known):
            parts = dict(known.get("parts") or {})
            for member, fields in (news.get("parts") or {}).items():
                parts[member] = {**parts.get(member, {}), **fields}
            merged[name] = {**known, **news, "parts": parts}
    return merged


def _round(known: Mapping[str, Any]) -> int:
    number = known.get("round", 0)
    return number if isinstance(number, int) else 0


def schemas(case: type[CaseState]) -> Schemas:
    """Derive the input, output and state schema of a case for `StateGraph`.

    The input keeps one plain key per input contract with that contract's JSON Schema,
    so that Studio shows the real form.
    """
    fields = case.fields()
    # Keyed functional TypedDicts from typing_extensions: the stdlib's own makes
    # LangGraph's get_input_jsonschema raise on Python 3.11.
    wanted = {
        name: Annotated[dict[str, Any], WithJsonSchema(field.contract.model_json_schema())]
        for name, field in fields.items()
        if field.is_input
    }
    sealed = dict.fromkeys(fields, NotRequired[dict[str, Any]])
    ended = {"outcome": NotRequired[str | None], "reason": NotRequired[str | None]}
    control = {
        **ended,
        "case_id": NotRequired[str],
        "failure": NotRequired[dict[str, Any] | None],
        "rungs": NotRequired[Annotated[dict[str, str], _latest_rungs]],
        "visits": NotRequired[Annotated[dict[str, int], _latest_visits]],
        "sets": NotRequired[Annotated[dict[str, Any], _merge_sets]],
    }
    # The functional form wants literals for mypy; these are made from the case.
    return Schemas(
        input=TypedDict(f"{case.__name__}Input", wanted),  # type: ignore[operator]
        output=TypedDict(f"{case.__name__}Output", {**sealed, **ended}),  # type: ignore[operator]
        state=TypedDict(f"{case.__name__}State", {**sealed, **control}),  # type: ignore[operator]
    )
