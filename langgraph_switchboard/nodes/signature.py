"""Reading an agent's signature: what it may see, and what it gives."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from langgraph_switchboard.contracts import CaseState, Contract
from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.spec import Choice, Take


@dataclass(frozen=True, slots=True)
class Signature:
    """An agent's seam: the fields it takes, the contract it gives, and whether it wants `ctx`."""

    takes: tuple[Take, ...]
    gives: type[Contract]
    wants_context: bool


def read_agent(
    agent: Callable[..., Any], case: type[CaseState], *, item: type[Contract] | None = None
) -> Signature:
    """Read `async def agent(field: Contract, ..., ctx: StepContext) -> Contract`.

    A parameter `field: dict[str, Contract]` asks for what each member of a set has written
    there, by the member's name.

    Args:
        agent: The agent.
        case: The case whose fields it names.
        item: Where it is the body of a map: the contract of one item. The parameter with this
            contract that is no field of the case is given the item.

    Raises:
        BlueprintError: It is not async, a parameter is no field of the case, or an
            annotation is missing or no contract.
    """
    where = _name(agent)
    if not inspect.iscoroutinefunction(agent):
        raise BlueprintError(
            f"the agent {where!r} is not an async function",
            where=where,
            mend="Write `async def`; wrap blocking work with `asyncio.to_thread`, which a timeout can leave.",
        )
    hints = _hints(agent, where)
    gives = hints.pop("return", None)
    if not _is_contract(gives):
        raise BlueprintError(
            f"the agent {where!r} does not say which contract it gives",
            where=where,
            wanted="`-> SomeContract`",
            came=str(gives),
        )
    wants_context = hints.get("ctx") is StepContext
    if wants_context:
        del hints["ctx"]
    return Signature(_takes(hints, where, case, item), gives, wants_context)


def read_plain(function: Callable[..., Any], case: type[CaseState]) -> tuple[Take, ...]:
    """The fields that a plain (not async) function of contracts reads.

    Raises:
        BlueprintError: It is async, or a parameter is no field of the case.
    """
    where = _name(function)
    if inspect.iscoroutinefunction(function):
        raise BlueprintError(
            f"{where!r} is async, but conditions are plain functions",
            where=where,
            mend="Do the waiting in a step; a condition only looks at what is there.",
        )
    hints = _hints(function, where)
    hints.pop("return", None)
    return _takes(hints, where, case)


def read_choice(function: Callable[..., Any], case: type[CaseState]) -> Choice:
    """A condition: its `Literal[...]` return type names the destinations.

    Raises:
        BlueprintError: Its return type is not a `Literal` of step names.
    """
    where = _name(function)
    returned = _hints(function, where).get("return")
    names = get_args(returned) if get_origin(returned) is Literal else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise BlueprintError(
            f"the condition {where!r} does not name its destinations",
            where=where,
            wanted='a return type such as Literal["billing", "review"]',
            came=str(returned),
        )
    return Choice(function, read_plain(function, case), names)


def _takes(
    hints: dict[str, Any], where: str, case: type[CaseState], item: type[Contract] | None = None
) -> tuple[Take, ...]:
    return tuple(_take(name, kind, where, case, item) for name, kind in hints.items())


def _take(
    name: str, kind: Any, where: str, case: type[CaseState], item: type[Contract] | None = None
) -> Take:
    if item is not None and kind is item and name not in case.fields():
        return Take(name, item, of="item")
    if get_origin(kind) in (dict, Mapping):
        _, one = get_args(kind)
        return replace(_take(name, one, where, case), of="members")
    optional = get_origin(kind) in (Union, UnionType) and NoneType in get_args(kind)
    parts = [part for part in get_args(kind) if part is not NoneType] if optional else []
    contract = parts[0] if len(parts) == 1 else kind
    fields = case.fields()
    if name not in fields:
        raise BlueprintError(
            f"{where!r} asks for {name!r}, which is no field of {case.__name__}",
            where=where,
            wanted=f"one of {', '.join(fields)}" + (", or ctx: StepContext" if name == "ctx" else ""),
            came=f"{name}: {kind}",
        )
    if contract is not fields[name].contract:
        raise BlueprintError(
            f"{where!r} takes {name!r} as another contract than the case keeps",
            where=where,
            wanted=fields[name].contract.__name__,
            came=getattr(contract, "__name__", str(contract)),
        )
    return Take(name, fields[name].contract, optional)


def _hints(function: Callable[..., Any], where: str) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(function)
    except NameError as error:
        raise BlueprintError(
            f"an annotation of {where!r} cannot be read: {error}",
            where=where,
            mend="Import the name at module level, not under TYPE_CHECKING.",
        ) from error
    missing = [name for name in inspect.signature(function).parameters if name not in hints]
    if missing:
        raise BlueprintError(
            f"{where!r} has parameters without a contract: {', '.join(missing)}",
            where=where,
            mend="Annotate each parameter with the contract of the field that it names.",
        )
    return hints


def _is_contract(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Contract)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)
