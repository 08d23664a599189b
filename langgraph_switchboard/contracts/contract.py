"""Contract: a frozen noun that agents hand to each other."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core.core_schema import ErrorType

from langgraph_switchboard.contracts.plain import place, plain_problem
from langgraph_switchboard.errors import ContractViolation

# Words of these may quote the value, as a validator's own may; their code alone is safe to keep.
_QUOTING = {"value_error", "assertion_error", "union_tag_invalid", "get_attribute_error", "iteration_error"}
_SPOKEN = set(get_args(ErrorType)) - _QUOTING
SAFE = "decision_"
"""Codes of custom errors that begin so are the library's own: their words hold no value."""


class Contract(BaseModel):
    """A frozen, versioned noun: what one step gives and another receives.

    Write a docstring for the noun and one under each field; they are shown to
    reviewers, to models and on the process card. Unknown fields, NaN and infinities
    are refused, and an instance is validated again at every seam.

    A change that old payloads do not fit raises the version, and `upcast` says how to
    read the old ones:

        class Reply(Contract, version=2):
            text: str

            @classmethod
            def upcast(cls, payload, version):
                return {"text": payload["body"]} if version == 1 else payload

    Class arguments:
        version: Positive whole number, 1 unless given.
        name: The persistent name in stored envelopes; the class's own name unless given.
            Give it when the class is renamed, so that stored payloads stay readable.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        ser_json_inf_nan="constants",  # kept where a free field holds one, and so refused, not made null
        revalidate_instances="always",
        use_attribute_docstrings=True,
        validate_default=True,
    )

    contract_version: ClassVar[int] = 1
    contract_name: ClassVar[str] = "Contract"

    def __init_subclass__(cls, version: int = 1, name: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if version < 1:
            raise ValueError(f"{cls.__name__}: the version of a contract is 1 or more, not {version}.")
        cls.contract_version = version
        cls.contract_name = name or cls.__name__

    @classmethod
    def upcast(cls, payload: dict[str, Any], version: int) -> dict[str, Any]:
        """Turn a payload of an older `version` into one of the present version.

        Called only for versions from 1 to one below the present one. Override it
        together with `version=`; as it stands, an older payload is taken as it is and
        must pass validation.
        """
        return payload

    @classmethod
    def accept(cls, value: object, *, by: str) -> Self:
        """Validate what a producer gave; an instance is validated again, never trusted.

        Args:
            value: An instance of exactly this contract, or a mapping of its fields.
            by: Who gave it; the error blames this name.

        Raises:
            ContractViolation: With the path and code of each fault, and without values.
        """
        if isinstance(value, BaseModel) and type(value) is not cls:
            raise ContractViolation(
                f"{by!r} gave another contract",
                where=f"seam of {by!r}",
                wanted=cls.contract_name,
                came=type(value).__name__,
                contract=cls.contract_name,
                by=by,
                problems=[{"at": snake(cls.__name__), "code": "contract_type", "says": "wrong contract"}],
            )
        try:
            payload = cls.model_validate(value).model_dump(mode="json", warnings="error")
            problem = plain_problem(payload, snake(cls.__name__))
            # What goes on is what the next step will read. A plain model inside, which pydantic
            # takes as it is, meets its bounds here at the latest.
            accepted = cls.model_validate(payload)
        except ValidationError as error:
            raise violation_of(error, by=by) from None
        except (ValueError, TypeError, RecursionError) as error:
            # Whatever cannot be written as JSON (surrogates, cycles, foreign objects).
            fault = {"at": snake(cls.__name__), "code": "not_json", "says": type(error).__name__}
            raise _violation(cls.contract_name, by, [fault]) from None
        if problem:
            raise _violation(cls.contract_name, by, [problem])
        return accepted

    @classmethod
    def accept_stored(cls, payload: dict[str, Any], *, by: str) -> Self:
        """Validate a stored payload again: what `accept` once gave, as JSON-plain values.

        Once is enough: there is no instance in it that pydantic could take as it is.

        Raises:
            ContractViolation: With the path and code of each fault, and without values.
        """
        try:
            read = cls.model_validate(payload)
        except ValidationError as error:
            raise violation_of(error, by=by) from None
        except (ValueError, TypeError, RecursionError) as error:
            fault = {"at": snake(cls.__name__), "code": "not_json", "says": type(error).__name__}
            raise _violation(cls.contract_name, by, [fault]) from None
        if problem := plain_problem(payload, snake(cls.__name__)):
            raise _violation(cls.contract_name, by, [problem])
        return read


@cache
def snake(name: str) -> str:
    """`ReplyDecision` as `reply_decision`: the field of a case that holds a contract is named so."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def violation_of(error: ValidationError, *, by: str) -> ContractViolation:
    """Pydantic's error as ours: `by` is blamed, and no value is repeated."""
    return _violation(error.title, by, _problems(error, snake(error.title)))


def _violation(contract: str, by: str, problems: list[dict[str, str]]) -> ContractViolation:
    first = problems[0]
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    return ContractViolation(
        f"{by!r} broke the contract {contract}: {first['at']} {first['says']}{more}",
        where=f"seam of {by!r}",
        contract=contract,
        by=by,
        problems=problems,
    )


def _problems(error: ValidationError, root: str) -> list[dict[str, str]]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        {
            "at": ".".join([root, *(place(part) for part in one["loc"])]),
            "code": one["type"],
            "says": one["msg"] if one["type"] in _SPOKEN or one["type"].startswith(SAFE) else one["type"],
        }
        for one in found
    ] or [{"at": root, "code": "invalid", "says": "is not valid"}]
