"""A blueprint as YAML: read into the same object that Python makes, and written down again."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.graphs.blueprint import Blueprint
from langgraph_switchboard.graphs.said import Said
from langgraph_switchboard.graphs.yaml_forms import NAME, STEPS, Form, form_of, forms, top
from langgraph_switchboard.graphs.yaml_kinds import did_you_mean, located, refuse_unknown
from langgraph_switchboard.graphs.yaml_nodes import Node, Source, Table, Text, nodes_of, source_of
from langgraph_switchboard.nodes import Hooks


def load_yaml(given: Path | str) -> Blueprint:
    """The blueprint that a YAML file says.

    It is the same object that the calls of `Blueprint` make. A file names code, and so it is code:
    the modules that it names are imported.

    Args:
        given: The path of the file, or its text, which has more than one line.

    Raises:
        BlueprintUnreadable: With file, line and column, and what was probably meant.
    """
    return _blueprint(source_of(given, _blueprint))


def dump_yaml(blueprint: Blueprint, *, schema: str = "") -> str:
    """A blueprint as YAML, which `load_yaml` makes the same blueprint of.

    Args:
        blueprint: What is to be written; code in it must have a name at the top of a module.
        schema: Where an editor finds the schema, as `switchboard schema` writes it; a line of its own.

    Raises:
        BlueprintError: Something in it cannot be written as text; says in which step.
    """
    said = {key: getattr(blueprint, top().parameter_of(key)) for key in top().entries}
    parts = [f"# yaml-language-server: $schema={schema}\n"] if schema else []
    parts += [_text(_written(top(), said, blueprint.name)), f"{STEPS}:\n"]
    steps = [textwrap.indent(_text(_step(one)), "  ") for one in blueprint.said]
    return "".join(parts) + "\n".join(steps)


def _blueprint(source: Source) -> Blueprint:
    root = nodes_of(source)
    if not isinstance(root, Table):
        source.refuse(root.at, "this is no blueprint", wanted=f"a table with {NAME}, case and {STEPS}")
    refuse_unknown(root, [*top().entries, STEPS], source, "a blueprint")
    head = Table(root.at, tuple((key, node) for key, node in root.pairs if key.value != STEPS))
    blueprint: Blueprint = located(
        partial(Blueprint, **_given(top(), head, source, "a blueprint")), source, root
    )
    steps = root.get(STEPS)
    if not isinstance(steps, Table):
        source.refuse(
            steps.at if steps else root.at, "there are no steps", wanted=f"{STEPS}, a table by name"
        )
    for name, node in steps.pairs:
        _declare(blueprint, name, node, source)
    return blueprint


def _declare(blueprint: Blueprint, name: Text, node: Node, source: Source) -> None:
    step = name.value
    if not isinstance(node, Table):
        source.refuse(node.at, f"the step {step!r} says nothing", wanted=f"one of {', '.join(forms())}")
    heads = [key for key, _ in node.pairs if key.value in forms()]
    if not heads:
        mends = [did_you_mean(key.value, forms()) for key, _ in node.pairs]
        source.refuse(
            name.at, f"the step {step!r} does not say what it is", wanted=f"one of {', '.join(forms())}",
            mend=next(filter(None, mends), ""),
        )  # fmt: skip
    if len(heads) > 1:
        both = " and ".join(repr(key.value) for key in heads)
        source.refuse(heads[1].at, f"the step {step!r} is {both} at once", mend="Leave one of them out.")
    form, known = forms()[heads[0].value], set(blueprint.places)
    given = _given(form, node, source, f"the step {step!r}, which is {form.head!r},")
    located(partial(getattr(blueprint, form.verb), name=step, **given), source, Text(name.at, step, True))
    # A declaration may make more than one step: a set's join stands where the set does.
    blueprint.places |= dict.fromkeys(blueprint.places.keys() - known, source.where(name.at))


def _given(form: Form, table: Table, source: Source, what: str) -> dict[str, Any]:
    refuse_unknown(table, form.entries, source, what)
    there = {key.value for key, _ in table.pairs}
    missing = [key for key, entry in form.entries.items() if entry.is_needed and key not in there]
    if missing:
        source.refuse(table.at, f"{what} lacks {', '.join(map(repr, missing))}")
    return {
        form.parameter_of(key.value): form.entries[key.value].read(node, source) for key, node in table.pairs
    }


def _step(said: Said) -> dict[str, Any]:
    form = form_of(said.verb)
    arguments = dict(said.arguments)
    head = arguments[form.parameter]
    name = arguments.pop("name", None) or getattr(head, "__name__", None) or head.name
    given = {
        key: arguments[form.parameter_of(key)] for key in form.entries if form.parameter_of(key) in arguments
    }
    return {name: _written(form, given, name)}


def _written(form: Form, said: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What was said, as plain data; what holds anyway is left out."""
    plain: dict[str, Any] = {}
    for key, value in said.items():
        entry = form.entries[key]
        if not entry.is_needed and (value == entry.default or value in ({}, Hooks())):
            continue
        try:
            plain[key] = None if value is None else entry.kind.write(value)
        except BlueprintError as error:
            raise BlueprintError(
                f"{key}: {error.problem}", where=where, wanted=error.wanted, came=error.came, mend=error.mend
            ) from None
    return plain


class _Dumper(yaml.SafeDumper):
    """Lists of words stand in one line, and what cannot be printed is escaped."""


def _one_line(dumper: _Dumper, items: list[Any]) -> yaml.Node:
    plain = all(isinstance(item, str | int | float) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=plain)


def _quoted(dumper: _Dumper, text: str) -> yaml.Node:
    # Line breaks of other alphabets come back as spaces unless they are escaped.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(list, _one_line)
_Dumper.add_representer(str, _quoted)


def _text(plain: Mapping[str, Any]) -> str:
    text: str = yaml.dump(
        dict(plain), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100
    )
    return text
