"""The JSON Schema of a blueprint's YAML, so that an editor completes it and marks what is wrong."""

from __future__ import annotations

from typing import Any

from langgraph_switchboard.graphs.yaml_forms import STEPS, Form, forms, top


def yaml_schema() -> dict[str, Any]:
    """The schema, made of the same signatures and docstrings as the reader of the file.

    It is draft 7, which editors know best. What a step is follows from the key that only it has.
    """
    properties = {key: entry.schema() for key, entry in top().entries.items()}
    kinds = [{"$ref": f"#/definitions/{head}"} for head in forms()]
    properties[STEPS] = {
        "description": "The steps by name, in the order in which a case meets them; it begins at the first.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"anyOf": kinds},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Blueprint",
        "description": top().says,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": [*_needed(top()), STEPS],
        "definitions": {head: _definition(form) for head, form in forms().items()},
    }


def _definition(form: Form) -> dict[str, Any]:
    return {
        "description": form.says,
        "type": "object",
        "additionalProperties": False,
        "properties": {key: entry.schema() for key, entry in form.entries.items()},
        "required": _needed(form),
    }


def _needed(form: Form) -> list[str]:
    return [key for key, entry in form.entries.items() if entry.is_needed]
