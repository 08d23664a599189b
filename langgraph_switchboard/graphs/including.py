"""Including: how the fields of a blueprint inside meet those of the case around it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from langgraph_switchboard.contracts import CaseState, Contract
from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.graphs.options import Target, name_of
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.graphs.summary import Summary
from langgraph_switchboard.nodes import DECLINED, END, FINISHED, Edge, Way

_WAYS: dict[str, Way] = {FINISHED: "finished", DECLINED: "declined"}


def given_in(
    case: type[CaseState], inner: Process, named: Mapping[str, str], step: str, *, but: str = ""
) -> dict[str, str]:
    """Each input field inside, with the field outside that it is given from.

    Args:
        case: The case outside.
        inner: The process inside.
        named: What the author named.
        step: The step, for errors.
        but: An input that is given otherwise: the item of a map.

    Raises:
        BlueprintError: An input has no field outside with its name and contract, or is none.
    """
    _must_be_fields(named, inner.inputs, f"inputs of {inner.name!r}", step)
    given = {field: named.get(field, field) for field in sorted(inner.inputs) if field != but}
    for inside, outside in given.items():
        _must_fit(case, outside, inner.case.fields()[inside].contract, step, f"the input {inside!r}")
    return given


def given_back(
    case: type[CaseState], inner: Process, summary: Summary, named: Mapping[str, str], step: str
) -> dict[str, str]:
    """Each field outside that is given from inside, with the field inside.

    Raises:
        BlueprintError: A named field is none, or its contract is another one inside.
    """
    fields, inside = case.fields(), inner.case.fields()
    _must_be_fields(dict.fromkeys(named.values()), inside.keys(), f"fields of {inner.case.__name__}", step)
    for outer, one in named.items():
        _must_fit(case, outer, inside[one].contract, step, f"the field {one!r}")
    alike = {
        name: name
        for name, field in inside.items()
        if name in summary.writes and name in fields and fields[name].contract is field.contract
    }
    return {**{outer: one for outer, one in alike.items() if one not in named.values()}, **named}


def ways_on(
    then: Target | Mapping[str, Target], summary: Summary, back: Mapping[str, str], step: str
) -> Iterator[Edge]:
    """The ways out of an included blueprint, one for each of its exits.

    Raises:
        BlueprintError: An exit is not led on, or a named one is none.
    """
    said = {FINISHED: then, DECLINED: END} if not isinstance(then, Mapping) else dict(then)
    _must_be_fields(dict.fromkeys(said), _WAYS.keys(), "exits", step)
    for exit_, written in summary.exits.items():
        if exit_ not in said:
            raise BlueprintError(
                f"the blueprint inside can end as {exit_!r}, and nothing says where the case goes then",
                where=step,
                mend=f"Say it: then={{..., {exit_!r}: 'a step'}}.",
            )
        yield Edge(_WAYS[exit_], name_of(said[exit_]), frozenset(o for o, i in back.items() if i in written))


def item_input(inner: Process, item: type[Contract], step: str) -> str:
    """The input field inside that is given the item of a map.

    Raises:
        BlueprintError: No input has the item's contract, or several have.
    """
    found = [name for name in sorted(inner.inputs) if inner.case.fields()[name].contract is item]
    if len(found) == 1:
        return found[0]
    raise BlueprintError(
        f"the blueprint {inner.name!r} does not take one item",
        where=step,
        wanted=f"exactly one input of {item.__name__}",
        came=", ".join(found) or "none",
    )


def result_field(inner: Process, result: type[Contract], summary: Summary, step: str) -> str:
    """The field inside that is one item's result, certainly written at the end.

    Raises:
        BlueprintError: There is none, or the blueprint can end without it.
    """
    field = inner.case.field_of(result)
    if field is not None and all(field in written for written in summary.exits.values()):
        return field
    raise BlueprintError(
        f"the blueprint {inner.name!r} does not always give a result",
        where=step,
        wanted=f"one field of {result.__name__}, written on every path to its end",
        came=f"{field!r}, which a path leaves out" if field else "no such field",
    )


def _must_be_fields(named: Mapping[str, object], known: Collection[str], what: str, step: str) -> None:
    names = set(known)
    unknown = [name for name in named if name not in names]
    if unknown:
        raise BlueprintError(
            f"{', '.join(map(repr, unknown))} is none of the {what}",
            where=step,
            wanted=", ".join(sorted(names)),
        )


def _must_fit(case: type[CaseState], field: str, contract: type[Contract], step: str, what: str) -> None:
    found = case.fields().get(field)
    if found is None or found.contract is not contract:
        raise BlueprintError(
            f"{what} has no field of {case.__name__} to go with",
            where=step,
            wanted=f"{field}: {contract.__name__}",
            came=f"{field}: {found.contract.__name__}" if found else "no such field",
            mend="Name it: takes={inside: outside}, gives={outside: inside}.",
        )
