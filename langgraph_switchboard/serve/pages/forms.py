"""Forms made from a contract's JSON Schema, and what was typed into them as a value again.

Nothing is judged here: what does not fit is kept as it was typed, so that the contract itself says
what is wrong with it, at its own place, and the person finds the words again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Schema = Mapping[str, Any]
Control = Literal["text", "area", "number", "check", "choice", "lines", "group", "list", "json", "date"]

_LONG = 120
"""From how many characters on a text gets a field of several lines."""
_DEEP = 5
"""How deep groups lie in each other; further down is JSON."""
_SPARE = 1
"""Empty places at the end of a list, to add to it."""


@dataclass(frozen=True)
class Field:
    """One field of a form.

    Args:
        name: Its name in the form, the path of its value: `edited.lines.0.amount`.
        label: What it is called.
        control: What it looks like.
        text: What stands in it; for a choice the option that is chosen, as JSON.
        hint: What the contract says of it.
        error: What is wrong with it.
        is_required: It must be filled in.
        is_on: For a check: it is ticked. For a group: it is there.
        may_lack: A group that may be left out.
        options: The options of a choice: what is sent, and what is shown.
        limits: Attributes of the control: `min`, `maxlength` and so on.
        fields: The fields of a group, or the groups of a list.
    """

    name: str
    label: str
    control: Control
    text: str = ""
    hint: str = ""
    error: str = ""
    is_required: bool = False
    is_on: bool = False
    may_lack: bool = False
    options: tuple[tuple[str, str], ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[Field, ...] = ()

    @property
    def id(self) -> str:
        """Its id on the page."""
        return "f-" + self.name.replace(".", "-")

    def wrong(self) -> list[Field]:
        """The fields in it with which something is wrong, itself among them."""
        return [*([self] if self.error else []), *(one for below in self.fields for one in below.wrong())]

    @property
    def rows(self) -> int:
        """Lines that a field of several lines has."""
        return min(14, max(3, self.text.count("\n") + 1, len(self.text) // 70 + 1))


def form_of(schema: Schema, value: object, name: str, errors: Mapping[str, str] | None = None) -> Field:
    """The form for a value of this schema.

    Args:
        schema: The JSON Schema, with its definitions.
        value: What stands in it now; None where nothing does.
        name: The name of the whole.
        errors: What is wrong, by the path of the field.
    """
    return _Maker(schema.get("$defs", {}), errors or {}).make(schema, value, name, "", True, 0)


def read_form(schema: Schema, sent: Mapping[str, str], name: str) -> Any:
    """What a form says, as a value; what cannot be read stays text.

    Args:
        schema: The schema that the form was made from.
        sent: What the browser sent.
        name: The name of the whole.
    """
    return _Reader(schema.get("$defs", {}), sent).read(schema, name, 0)


_MISSING = object()
_WHOLE = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class _Schemas:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def plain(self, schema: Schema) -> tuple[Schema, bool]:
        """The schema without references and without `or null`, and whether null was allowed."""
        may_lack = False
        for _ in range(20):
            if reference := schema.get("$ref"):
                known = self._definitions.get(str(reference).rpartition("/")[2], {})
                schema = {**known, **{key: value for key, value in schema.items() if key != "$ref"}}
            elif isinstance(schema.get("allOf"), list) and len(schema["allOf"]) == 1:
                schema = {**schema["allOf"][0], **{k: v for k, v in schema.items() if k != "allOf"}}
            elif isinstance(options := schema.get("anyOf"), list):
                some = [one for one in options if one.get("type") != "null"]
                may_lack = may_lack or len(some) < len(options)
                kinds = {one.get("type") for one in some}
                if len(some) > 1 and kinds == {"number", "string"}:  # a decimal number: exact as text
                    some = [one for one in some if one.get("type") == "string"]
                rest = {key: value for key, value in schema.items() if key != "anyOf"}
                if len(some) != 1:
                    return {**rest, "type": "any"}, may_lack
                schema = {**some[0], **rest}
            else:
                return schema, may_lack
        return {"type": "any"}, may_lack

    def control(self, schema: Schema, depth: int) -> Control:
        """What a value of this plain schema is typed into."""
        kind = schema.get("type")
        if "enum" in schema or "const" in schema:
            return "choice"
        if kind == "object":
            return "group" if schema.get("properties") and depth < _DEEP else "json"
        if kind == "array":
            item, _ = self.plain(schema.get("items", {}))
            below = self.control(item, depth + 1)
            return {"group": "list", "text": "lines", "number": "lines"}.get(below, "json")  # type: ignore[return-value]
        if kind == "string":
            return "date" if schema.get("format") == "date" else "text"
        return {"number": "number", "integer": "number", "boolean": "check"}.get(str(kind), "json")  # type: ignore[return-value]


class _Maker(_Schemas):
    def __init__(self, definitions: Mapping[str, Any], errors: Mapping[str, str]) -> None:
        super().__init__(definitions)
        self._errors = errors

    def make(
        self, schema: Schema, value: object, name: str, label: str, is_required: bool, depth: int
    ) -> Field:
        plain, may_lack = self.plain(schema)
        control = self.control(plain, depth)
        said: dict[str, Any] = {
            "hint": str(plain.get("description") or "").replace("`", "") if depth else "",
            "error": self._errors.get(name, ""),
            "is_required": is_required and not may_lack,
            "limits": _limits(plain, control),
        }
        match control:
            case "group":
                given = value if isinstance(value, Mapping) else {}
                needed = plain.get("required", ())
                said["fields"] = tuple(
                    self.make(
                        one, given.get(key, one.get("default")), f"{name}.{key}", _words(key),
                        key in needed, depth + 1,
                    )
                    for key, one in plain["properties"].items()
                )  # fmt: skip
                said |= {"may_lack": may_lack, "is_on": value is not None or not may_lack}
            case "list":
                items = list(value) if isinstance(value, list | tuple) else []
                spare = [None] * _SPARE
                said["fields"] = tuple(
                    self.make(
                        plain["items"], one, f"{name}.{place}", f"{label} {place + 1}", False, depth + 1
                    )
                    for place, one in enumerate([*items, *spare])
                )
                said["text"] = str(len(items))
            case "lines":
                items = list(value) if isinstance(value, list | tuple) else []
                said["text"] = "\n".join(map(_text, items))
                below = [self._errors[one] for one in self._errors if one.startswith(f"{name}.")]
                said["error"] = said["error"] or "; ".join(below)
            case "choice":
                choices = plain.get("enum", [plain.get("const")])
                none = [("", "(none)")] if may_lack else []
                said["options"] = (*none, *((json.dumps(one), _text(one)) for one in choices))
                said["text"] = "" if value is None else json.dumps(value)
            case "check":
                said["is_on"] = bool(value)
            case "json":
                said["text"] = "" if value is None else _json(value)
            case _:
                said["text"] = "" if value is None else _text(value)
                longest = int(plain.get("maxLength", 0) or 0)
                is_long = longest > _LONG * 2 or len(said["text"]) > _LONG or "\n" in said["text"]
                control = "area" if control == "text" and is_long else control
        return Field(name, label, control, **said)


class _Reader(_Schemas):
    def __init__(self, definitions: Mapping[str, Any], sent: Mapping[str, str]) -> None:
        super().__init__(definitions)
        self._sent = sent

    def read(self, schema: Schema, name: str, depth: int) -> Any:
        """The value, or `_MISSING` where nothing was said and nothing need be."""
        plain, may_lack = self.plain(schema)
        control = self.control(plain, depth)
        text = self._sent.get(name, "").replace("\r\n", "\n")
        match control:
            case "group":
                if may_lack and f"{name}.?" not in self._sent:
                    return None
                needed = plain.get("required", ())
                read = {
                    key: self.read(one, f"{name}.{key}", depth + 1)
                    for key, one in plain["properties"].items()
                }
                return {
                    key: "" if value is _MISSING else value
                    for key, value in read.items()
                    if value is not _MISSING or key in needed
                }
            case "list":
                return self._list(plain, name, depth)
            case "lines":
                items, _ = self.plain(plain.get("items", {}))
                lines = [one.strip() for one in text.split("\n") if one.strip()]
                return [_number(one, items) if items.get("type") != "string" else one for one in lines]
            case "check":
                return name in self._sent
            case "choice":
                return (None if may_lack else _MISSING) if not text else _parsed(text)
            case "number":
                return (None if may_lack else _MISSING) if not text.strip() else _number(text, plain)
            case "json":
                return (None if may_lack else _MISSING) if not text.strip() else _parsed(text)
            case _:
                return None if may_lack and not text else text

    def _list(self, plain: Schema, name: str, depth: int) -> list[Any]:
        try:
            there = min(int(self._sent.get(f"{name}.#", "0")), 500)
        except ValueError:
            there = 0
        items = []
        for place in range(there + _SPARE):
            one = f"{name}.{place}"
            typed = any(key.startswith(f"{one}.") and text.strip() for key, text in self._sent.items())
            if f"{one}.-" not in self._sent and (place < there or typed):
                items.append(self.read(plain["items"], one, depth + 1))
        return items


def _limits(schema: Schema, control: Control) -> dict[str, str]:
    names = {"minLength": "minlength", "maxLength": "maxlength", "minimum": "min", "maximum": "max"}
    limits = {html: str(schema[name]) for name, html in names.items() if schema.get(name) is not None}
    if control == "number":
        limits["step"] = "1" if schema.get("type") == "integer" else "any"
    return limits if control in ("text", "area", "number", "date") else {}


def _number(text: str, schema: Schema) -> Any:
    """The number that a text says, or the text: 7 stays 7, so that it is shown again as it was typed."""
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
    except ValueError:
        value = math.nan
    return value if math.isfinite(value) and schema.get("type") != "integer" else text


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _words(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
