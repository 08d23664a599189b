"""Contracts that hold a list: what a map goes over, and what it collects into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args, get_origin

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.graphs.options import Target, name_of


def list_of(contract: type[Contract], named: str | None, step: str) -> tuple[str, type[Contract]]:
    """The field of a contract that is a list of contracts, and the contract of one item.

    Args:
        contract: The contract that holds the list.
        named: The field, where it holds several.
        step: The step, for errors.

    Raises:
        BlueprintError: It holds no such list, or several and none is named.
    """
    found = {name: item for name in contract.model_fields if (item := item_of(contract, name)) is not None}
    if named is not None and named in found:
        return named, found[named]
    if named is None and len(found) == 1:
        return next(iter(found.items()))
    raise BlueprintError(
        f"it is not clear which list of {contract.__name__} is meant",
        where=step,
        wanted="a field such as `items: tuple[Item, ...]`, whose Item is a contract",
        came=named or ", ".join(found) or "no list of contracts",
        mend="Name it: 'field.items'." if len(found) > 1 else "",
    )


def item_of(contract: type[Contract], name: str) -> type[Contract] | None:
    """The contract of one item, where a field is a list of contracts; else None."""
    kind = contract.model_fields[name].annotation
    if get_origin(kind) not in (tuple, list, Sequence):
        return None
    parts = [part for part in get_args(kind) if part is not Ellipsis]
    is_one = len(parts) == 1 and isinstance(parts[0], type) and issubclass(parts[0], Contract)
    return parts[0] if is_one else None


def members_named(members: Sequence[Target], step: str) -> tuple[str, ...]:
    """The names of the members of a set.

    Raises:
        BlueprintError: There are fewer than two, or one is named twice.
    """
    names = tuple(name_of(one) for one in members)
    if len(set(names)) < max(2, len(names)):
        raise BlueprintError(
            "a set has two members or more, each once",
            where=step,
            came=", ".join(names) or "none",
            mend="A single step needs no set; the same agent is declared twice under two names.",
        )
    return names


def at_least_one(bound: int | None, what: str, step: str) -> int | None:
    """A bound that lets something through, or None.

    Raises:
        BlueprintError: It is under one.
    """
    if bound is not None and bound < 1:
        raise BlueprintError(f"{what} is 1 or more", where=step, came=str(bound))
    return bound
