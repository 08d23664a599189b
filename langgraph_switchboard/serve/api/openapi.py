"""OpenAPI 3.1, made from the operations: nothing is written twice, and nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from langgraph_switchboard.serve.api.models import Problem
from langgraph_switchboard.serve.api.operation import Operation
from langgraph_switchboard.serve.problems import MEDIA_TYPE

_REF = "#/components/schemas/{model}"
_WORDS = {
    401: "Nobody knows who asks.",
    403: "Who asks may not do this.",
    404: "There is no such thing.",
    409: "Its state does not allow it, or somebody was first.",
    413: "The request is too large.",
    415: "The request is no JSON.",
    422: "What was sent does not fit; the fields are named.",
    429: "Too many tries; `Retry-After` says when to come back.",
    500: "Something went wrong here; the server's log says what.",
    503: "The database cannot be reached just now.",
}
_PATTERN = {"type": "string", "minLength": 1, "maxLength": 300}


def document(operations: Sequence[Operation], *, version: str) -> dict[str, Any]:
    """The OpenAPI document of these operations.

    Args:
        operations: All calls of the API.
        version: The library's version.
    """
    read, written = _models(operations)
    pairs = [(model, "validation") for model in read] + [(model, "serialization") for model in written]
    names, schemas = models_json_schema(pairs, ref_template=_REF)  # type: ignore[arg-type]
    refs = {model: names[model, mode]["$ref"] for model, mode in pairs}  # type: ignore[index]
    paths: dict[str, Any] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Switchboard",
            "version": version,
            "description": "Cases, the reviews that people decide, and what happens to both.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key or a token."},
                "session": {"type": "apiKey", "in": "cookie", "name": "switchboard"},
            },
        },
    }


def _models(operations: Sequence[Operation]) -> tuple[list[type[BaseModel]], list[type[BaseModel]]]:
    read = [one.body for one in operations if one.body is not None]
    written = [model for one in operations for model in one.answers.values() if not isinstance(model, str)]
    return list(dict.fromkeys(read)), list(dict.fromkeys([*written, Problem]))


def _operation(one: Operation, refs: dict[type[BaseModel], str]) -> dict[str, Any]:
    summary, description = one.described
    said: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.tag],
        "summary": summary,
        "parameters": _parameters(one),
        "responses": _responses(one, refs),
        "security": [{"key": []}, {"session": []}, {}] if one.right else [{}],
    }
    if description:
        said["description"] = description
    if one.body is not None:
        content = {"application/json": {"schema": {"$ref": refs[one.body]}}}
        said["requestBody"] = {"required": True, "content": content}
    return said


def _parameters(one: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _PATTERN} for name in one.parameters()
    ]
    for name, says in one.headers.items():
        schema = {"type": "string", "maxLength": 200}
        found.append({"name": name, "in": "header", "description": says, "schema": schema})
    if one.query is not None:
        for name, field in one.query.model_json_schema()["properties"].items():
            said = _asked({key: value for key, value in field.items() if key != "description"})
            parameter: dict[str, Any] = {"name": name, "in": "query", "schema": said, "required": False}
            if "description" in field:
                parameter["description"] = field["description"]
            found.append(parameter)
    return found


def _asked(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter: in a query there is no null, only what is left out."""
    said = {key: value for key, value in schema.items() if key not in ("title", "anyOf")}
    if said.get("default", ...) is None:
        del said["default"]
    for one in schema.get("anyOf", ()):
        said |= {} if one == {"type": "null"} else one
    return said


def _responses(one: Operation, refs: dict[type[BaseModel], str]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for status, model in sorted(one.answers.items()):
        media, schema = (
            (model, {"type": "string"})
            if isinstance(model, str)
            else ("application/json", {"$ref": refs[model]})
        )
        words = "Done." if status == 200 else "Accepted."
        said[str(status)] = {"description": words, "content": {media: {"schema": schema}}}
    problems = {500, 503, *one.problems}
    problems |= {401, 403} if one.right else set()
    problems |= {413, 415, 422} if one.body is not None or one.method != "GET" else set()
    problems |= {422} if one.query is not None else set()
    for status in sorted(problems - one.answers.keys()):
        said[str(status)] = {
            "description": _WORDS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": refs[Problem]}}},
        }
    return said
