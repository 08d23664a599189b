"""A contract's JSON Schema in the strict subset that OpenAI-compatible servers enforce.

Strict mode knows fewer words than JSON Schema: every object closed and every property
required, no defaults, no bounds on the length of text, no fixed tuples, no `oneOf`
(OpenAI, "Structured outputs", supported schemas). What is dropped is said to the model
in the description instead, and the contract still checks every answer here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import ConfigurationError

_KEPT = {
    *("type", "properties", "items", "anyOf", "enum", "const", "$ref", "$defs", "description"),
    *("pattern", "format", "minItems", "maxItems"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
_SAID = {
    "minLength": "At least {} character(s).",
    "maxLength": "At most {} character(s).",
    "pattern": "Must match the pattern {}.",
    "format": "Format: {}.",
    "default": "If nothing fits: {}.",
    "uniqueItems": "No item twice.",
    "minProperties": "At least {} entries.",
    "maxProperties": "At most {} entries.",
}
Schema = dict[str, Any]


def strict_schema(contract: type[Contract]) -> Schema:
    """The schema to ask a model for an answer of this contract.

    Raises:
        ConfigurationError: A field cannot be asked for in strict mode (a free-form
            mapping, `Any`, a fixed tuple); the field is named, with what to write instead.
    """
    schema = contract.model_json_schema()
    if "$ref" in schema:  # a contract that holds itself; the root must be an object in its own right
        schema = {**schema["$defs"][schema["$ref"].rsplit("/", 1)[-1]], "$defs": schema["$defs"]}
    return _strict(schema, contract.contract_name)


def response_format(contract: type[Contract]) -> Schema:
    """The `response_format` of a chat request that wants this contract."""
    name = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in contract.contract_name)
    return {
        "type": "json_schema",
        "json_schema": {"name": name[:64], "strict": True, "schema": strict_schema(contract)},
    }


def _strict(schema: Schema, at: str) -> Schema:
    if "$ref" in schema and set(schema) <= {"$ref", "description", "default"}:
        return {"$ref": schema["$ref"]}  # strict mode takes no word beside a reference
    schema = _one_way_to_say(schema, at)
    kept = {word: value for word, value in schema.items() if word in _KEPT}
    unsaid = _unsaid(schema)
    if not _is_supported_format(schema):
        kept.pop("format", None)
    if "(?" in str(schema.get("pattern", "")):
        kept.pop("pattern")
    if unsaid:
        kept["description"] = " ".join([schema.get("description", ""), *unsaid]).strip()
    if "anyOf" in kept:
        kept["anyOf"] = [_strict(option, at) for option in kept["anyOf"]]
    if "items" in kept:
        kept["items"] = _strict(kept["items"], f"{at}[]")
    if "$defs" in kept:
        kept["$defs"] = {name: _strict(inner, name) for name, inner in kept["$defs"].items()}
    return _closed(kept, at) if schema.get("type") == "object" else kept


def _one_way_to_say(schema: Schema, at: str) -> Schema:
    """Fold the spellings that strict mode lacks into those that it has, or refuse."""
    if "oneOf" in schema:  # a tagged union; the tags keep the options apart
        schema = {**schema, "anyOf": schema["oneOf"]}
    if len(schema.get("allOf", ())) == 1:
        schema = {**schema["allOf"][0], **schema}
    if "prefixItems" in schema:
        raise _not_askable(at, "a tuple of fixed length", "a nested contract with a field for each place")
    if schema.get("type") == "object" and _is_open(schema):
        raise _not_askable(at, "a mapping with free keys", "a tuple of contracts with a key and a value")
    if not {"type", "anyOf", "enum", "const", "$ref"} & set(schema):
        raise _not_askable(at, "a field of any type", "the types that it may have")
    return schema


def _is_open(schema: Schema) -> bool:
    extra = schema.get("additionalProperties", "properties" not in schema)
    return bool(extra) or "patternProperties" in schema


def _closed(schema: Schema, at: str) -> Schema:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    return {
        **schema,
        "properties": {name: _strict(inner, f"{at}.{name}") for name, inner in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }


def _is_supported_format(schema: Schema) -> bool:
    return schema.get("format") in _FORMATS


def _unsaid(schema: Schema) -> list[str]:
    """The rules that strict mode cannot hold, as sentences for the model."""
    said = []
    for word, sentence in _SAID.items():
        value = schema.get(word)
        kept_as_is = (word == "format" and _is_supported_format(schema)) or (
            word == "pattern" and "(?" not in str(value)
        )
        if value not in (None, "", [], {}) and not kept_as_is:
            said.append(sentence.format(value))
    return said


def _not_askable(at: str, what: str, instead: str) -> ConfigurationError:
    return ConfigurationError(
        f"a model cannot be asked for {at}: {what} does not fit OpenAI's strict mode",
        where=at,
        mend=f"Write {instead}, or answer this contract with plain code only.",
    )
