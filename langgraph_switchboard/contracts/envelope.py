"""The sealed envelope: how a contract lies in state, in checkpoints and in the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from typing_extensions import TypedDict, TypeVar

from langgraph_switchboard.contracts.contract import Contract, snake
from langgraph_switchboard.errors import ContractChanged, ContractViolation, EnvelopeDamaged, UnknownVersion

C = TypeVar("C", bound=Contract)


class Envelope(TypedDict):
    """JSON-plain form of one contract. The digest detects accident, not forgery."""

    contract: str
    version: int
    payload: dict[str, Any]
    by: str
    digest: str


_canonical = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode
_SHAPE = {"contract": str, "version": int, "payload": dict, "by": str, "digest": str}


def digest_of(payload: object) -> str:
    """SHA-256 (hex) of a JSON-plain value in canonical form: sorted keys, no white space."""
    return hashlib.sha256(_canonical(payload).encode()).hexdigest()


def seal(value: object, contract: type[Contract], *, by: str) -> Envelope:
    """Validate what `by` gave and put it into an envelope.

    Raises:
        ContractViolation: It breaks the contract; `by` is blamed and nothing is stored.
    """
    return wrap(contract.accept(value, by=by), by=by)


def wrap(accepted: Contract, *, by: str) -> Envelope:
    """Put a contract that `accept` has just given into its envelope."""
    payload = accepted.model_dump(mode="json")
    return Envelope(
        contract=accepted.contract_name,
        version=accepted.contract_version,
        payload=payload,
        by=by,
        digest=digest_of(payload),
    )


def open_envelope(envelope: object, contract: type[C]) -> C:
    """Open an envelope as `contract`: check shape, name, digest and version, upcast, validate again.

    Raises:
        EnvelopeDamaged: It is no envelope, holds another contract, or its digest does not fit.
        UnknownVersion: It was written by newer code.
        ContractChanged: It was valid when it was sealed, and the contract no longer takes it.
        ContractViolation: What `upcast` makes of it breaks the contract.
    """
    sealed = _checked(envelope, contract)
    payload, version = sealed["payload"], sealed["version"]
    if version != contract.contract_version:
        payload = _upcast(payload, version, contract, sealed["by"])
        return contract.accept(payload, by=sealed["by"])
    try:
        return contract.accept_stored(payload, by=sealed["by"])
    except ContractViolation as changed:
        raise ContractChanged(
            f"a stored {contract.contract_name} of version {version} no longer fits its contract",
            where=contract.__name__,
            came=", ".join(f"{one['at']} {one['says']}" for one in changed.problems),
            mend="Raise the contract's version and give it an upcast, or take the change back.",
            contract=contract.contract_name,
            by=sealed["by"],
            problems=changed.problems,
        ) from None


def _upcast(payload: dict[str, Any], version: int, contract: type[Contract], by: str) -> dict[str, Any]:
    try:
        # A copy: the payload lies in the state, and an upcast may well change it in place.
        return contract.upcast(deepcopy(payload), version)
    except Exception as error:
        raise ContractViolation(
            f"the stored {contract.contract_name} of version {version} cannot be read as a newer one",
            where=f"{contract.__name__}.upcast",
            came=type(error).__name__,
            mend="Mend the upcast; the stored payload is as it was.",
            contract=contract.contract_name,
            by=by,
            problems=[{"at": snake(contract.__name__), "code": "upcast", "says": type(error).__name__}],
        ) from None


def is_sealed(value: object) -> bool:
    """Whether a value of the state has the shape of an envelope."""
    return isinstance(value, Mapping) and all(
        isinstance(value.get(key), kind) for key, kind in _SHAPE.items()
    )


def _digest_or_none(payload: object) -> str | None:
    try:
        return digest_of(payload)
    except (TypeError, ValueError, RecursionError):  # no JSON, so nothing that `seal` has stored
        return None


def _checked(envelope: object, contract: type[Contract]) -> Envelope:
    name = contract.contract_name
    if not is_sealed(envelope):
        raise EnvelopeDamaged(
            f"the stored {name} is not a sealed envelope",
            came=type(envelope).__name__,
            mend="Only the opening step and the steps of the blueprint may write this field.",
            contract=name,
            by="?",
        )
    sealed: Envelope = envelope  # type: ignore[assignment]  # its shape was just checked
    by, version = sealed["by"], sealed["version"]
    if sealed["contract"] != name:
        raise EnvelopeDamaged(
            "the stored envelope holds another contract",
            wanted=name,
            came=sealed["contract"],
            contract=name,
            by=by,
        )
    if sealed["digest"] != _digest_or_none(sealed["payload"]):
        raise EnvelopeDamaged(
            f"the stored {name} no longer matches its digest",
            mend="The row was changed outside the switchboard; restore it, or let the step run again.",
            contract=name,
            by=by,
        )
    if not 1 <= version <= contract.contract_version:
        raise UnknownVersion(
            f"the stored {name} is of a version that this code does not know",
            wanted=f"1 to {contract.contract_version}",
            came=str(version),
            mend="Deploy the code that wrote it, or newer.",
            contract=name,
            by=by,
        )
    return sealed
