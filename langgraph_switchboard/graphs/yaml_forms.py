"""Forms: the keys that YAML knows, read from the signatures of `Blueprint`: it says what Python says."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import timedelta
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from typing_extensions import Unpack, is_typeddict

from langgraph_switchboard.graphs.blueprint import Blueprint
from langgraph_switchboard.graphs.docstrings import arguments_of, fields_of, first_sentence
from langgraph_switchboard.graphs.shapes import Shapes
from langgraph_switchboard.graphs.yaml_kinds import (
    Duration,
    Flag,
    Kind,
    Number,
    OneWord,
    Reference,
    Seconds,
    Target,
    Whole,
    Word,
)
from langgraph_switchboard.graphs.yaml_tables import Either, Entry, Inside, ListOf, Record, TableOf

HEADS = {
    "agent": ("step", "agent"),
    "effect": ("effect", "agent"),
    "supervise": ("supervise", "router"),
    "gate": ("gate", "of"),
    "review": ("review", "of"),
    "parallel": ("parallel", "members"),
    "map": ("map", "over"),
    "include": ("include", "blueprint"),
    "wait": ("wait", "until"),
}
"""The key that says what a step is: the method of `Blueprint`, and the parameter that stands under it."""
NAME = "blueprint"
"""The key of the blueprint's name."""
STEPS = "steps"


@dataclass(frozen=True)
class Form:
    """What a table may hold.

    Args:
        verb: The method of `Blueprint` that takes it.
        head: The key that it is known by.
        parameter: What stands under that key.
        entries: Its keys.
        says: What it is for.
    """

    verb: str
    head: str
    parameter: str
    entries: Mapping[str, Entry]
    says: str

    def parameter_of(self, key: str) -> str:
        """The parameter that a key stands for."""
        return self.parameter if key == self.head else key


@cache
def forms() -> Mapping[str, Form]:
    """The forms of steps by their heads."""
    return {head: _form(head, verb, parameter) for head, (verb, parameter) in HEADS.items()}


@cache
def top() -> Form:
    """The form of the whole: what `Blueprint(...)` takes."""
    entries = _entries(Blueprint.__init__, arguments_of(Blueprint))
    named = {NAME: entries.pop("name"), **entries}
    return Form("Blueprint", NAME, "name", named, first_sentence(Blueprint))


def form_of(verb: str) -> Form:
    """The form by which a method of `Blueprint` is written."""
    return next(form for form in forms().values() if form.verb == verb)


def _form(head: str, verb: str, parameter: str) -> Form:
    method = getattr(Blueprint, verb)
    entries = _entries(method, arguments_of(method))
    entries.pop("name", None)
    first = entries.pop(parameter)
    return Form(verb, head, parameter, {head: first, **entries}, first_sentence(method))


def _entries(method: Callable[..., Any], says: Mapping[str, str]) -> dict[str, Entry]:
    hints = get_type_hints(method)
    found: dict[str, Entry] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if name == "self":
            continue
        hint = hints[name]
        if get_origin(hint) is Unpack:
            found |= _options(get_args(hint)[0])
            continue
        is_needed = parameter.default is inspect.Parameter.empty
        default = None if is_needed else parameter.default
        found[name] = Entry(
            kind_of(hint), is_needed, default, says.get(name, ""), _takes_nothing(hint, default)
        )
    return found


def _options(options: type) -> dict[str, Entry]:
    assert is_typeddict(options)
    says = fields_of(options)
    return {
        name: Entry(kind_of(hint), says=says.get(name, "")) for name, hint in get_type_hints(options).items()
    }


def kind_of(hint: Any) -> Kind:
    """The kind of value that a type of Python stands for."""
    if get_origin(hint) in (Union, UnionType):
        return _any_of([one for one in get_args(hint) if one is not type(None)])
    plain: dict[Any, Kind] = {
        Shapes: Inside(),
        str: Word(),
        bool: Flag(),
        int: Whole(),
        float: Number(),
        timedelta: Duration(),
    }
    if hint in plain:
        return plain[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return OneWord(inner)
    if origin is type:
        return Reference(inner[0])
    if isinstance(hint, type) and is_dataclass(hint):
        return _record(hint)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return TableOf(kind_of(inner[1]))
    if origin is not None and inner and _is_list(origin):
        return ListOf(kind_of(inner[0]))
    return Reference()


def _any_of(hints: list[Any]) -> Kind:
    """A union: text and a length of time, text and code, or kinds that are told apart by their form."""
    is_time = timedelta in hints or (str in hints and float in hints)
    is_code = any(kind_of(one) == Reference() for one in hints)
    if is_code and Shapes in hints:
        return Inside(or_code=True)
    others = [one for one in hints if one not in (str, float, int, timedelta) and kind_of(one) != Reference()]
    kinds: list[Kind] = [kind_of(one) for one in others]
    if is_time:
        kinds.append(Duration() if timedelta in hints else Seconds())
        kinds += [Reference()] if is_code else []
    elif is_code:
        kinds.append(Target() if str in hints else Reference())
    elif str in hints:
        kinds.append(Word())
    elif float in hints or int in hints:
        kinds.append(Number() if float in hints else Whole())
    return kinds[0] if len(kinds) == 1 else Either(tuple(kinds))


def _record(made: Any) -> Record:
    hints, says = get_type_hints(made), arguments_of(made)
    entries = {}
    for one in fields(made):
        is_needed = one.default is MISSING and one.default_factory is MISSING
        default = one.default_factory() if one.default_factory is not MISSING else one.default
        hint = hints[one.name]
        entries[one.name] = Entry(
            kind_of(hint), is_needed, default, says.get(one.name, ""), _takes_nothing(hint, default)
        )
    return Record(made, entries)


def _is_list(origin: Any) -> bool:
    # Callable[[X], Y] has an origin and arguments, too, and is no list.
    return isinstance(origin, type) and origin is not Callable and hasattr(origin, "__iter__")


def _takes_nothing(hint: Any, default: Any) -> bool:
    # Where nothing is what holds anyway, there is nothing to say.
    return type(None) in get_args(hint) and default is not None
