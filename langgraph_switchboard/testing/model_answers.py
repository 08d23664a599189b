"""What a model server says when nothing is wrong: an answer, as one body or as a stream of events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph_switchboard.testing.local_server import Response

Chat = Mapping[str, Any]
"""The body of a chat request."""

JSON = {"content-type": "application/json"}
USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
_CHUNK = 8
_STREAMED = 4_000


@dataclass(frozen=True)
class Said:
    """What the model says in one message.

    Args:
        content: The text, or None.
        calls: Tool calls, each `{"name": ..., "arguments": <JSON text>}`, with an `id` if it matters.
        refusal: The model's own words, where it declines.
        finish: Why it stopped; None where the server does not say.
    """

    content: str | None
    calls: Sequence[Mapping[str, Any]] = ()
    refusal: str | None = None
    finish: str | None = "stop"

    @property
    def text(self) -> str:
        """The content, or nothing."""
        return self.content or ""

    def message(self) -> dict[str, Any]:
        """The message as the protocol has it."""
        message: dict[str, Any] = {"role": "assistant", "content": self.content, "refusal": self.refusal}
        if self.calls:
            message["tool_calls"] = [_call(number, one) for number, one in enumerate(self.calls)]
        return message


def call_of(name: str, **arguments: Any) -> Said:
    """A message that calls one tool."""
    return Said(None, ({"name": name, "arguments": json.dumps(arguments)},), finish="tool_calls")


def sent(said: Said, chat: Chat, *, no_choices: bool = False, no_usage: bool = False) -> Response:
    """The response that carries what the model says, streamed if the request wants it."""
    usage = None if no_usage else USAGE
    whole = {"id": "chat-1", "object": "chat.completion", "created": 1_900_000_000, "model": chat["model"]}
    if chat.get("stream"):
        deltas = [] if no_choices else _deltas(said)
        events = _events({**whole, "object": "chat.completion.chunk"}, deltas, said.finish, usage)
        return Response(200, tuple(events), {"content-type": "text/event-stream"})
    choice = {"index": 0, "message": said.message(), "finish_reason": said.finish}
    choices = [] if no_choices else [choice]
    return Response(200, (json.dumps({**whole, "choices": choices, "usage": usage}).encode(),), JSON)


def fitting(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """A small value that fits a JSON Schema in OpenAI's strict subset.

    Args:
        schema: The schema, with its bounds on numbers and lists; patterns are not obeyed.
        root: Where `$defs` are found; the schema itself unless given.
    """
    root = schema if root is None else root
    if "$ref" in schema:
        return fitting(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    if "anyOf" in schema:
        return None if {"type": "null"} in schema["anyOf"] else fitting(schema["anyOf"][0], root)
    match schema.get("type"):
        case "object":
            return {name: fitting(inner, root) for name, inner in schema.get("properties", {}).items()}
        case "array":
            return [fitting(schema["items"], root) for _ in range(schema.get("minItems", 0))]
        case "number" | "integer":
            return schema.get("minimum", min(1, schema.get("maximum", 1)))
        case "boolean":
            return True
        case "null":
            return None
    return "text"


def fitting_answer(chat: Chat) -> str:
    """The smallest answer that fits the JSON Schema which the request asks for."""
    schema = chat.get("response_format", {}).get("json_schema", {}).get("schema", {})
    return json.dumps(fitting(schema))


def facts_in(chat: Chat) -> dict[str, Any]:
    """The facts that came with the question, as `OpenAIModels` writes them; empty where there are none."""
    asked = next((one["content"] for one in chat["messages"] if one["role"] == "user"), "")
    _, found, facts = asked.partition("Facts, as JSON:\n")
    return dict(json.JSONDecoder().raw_decode(facts)[0]) if found else {}


def offered_call(chat: Chat) -> dict[str, Any]:
    """A fitting call of the first tool that the request offers, or of one called `answer`."""
    for tool in chat.get("tools", ()):
        function = tool["function"]
        return {"name": function["name"], "arguments": json.dumps(fitting(function.get("parameters", {})))}
    return {"name": "answer", "arguments": "{}"}


def _call(number: int, said: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": said["name"], "arguments": said["arguments"]}
    return {"index": number, "id": said.get("id", f"call-{number}"), "type": "function", "function": function}


def _deltas(said: Said) -> list[dict[str, Any]]:
    text, message = said.text, said.message()
    parts = [text[start : start + _CHUNK] for start in range(0, min(len(text), _STREAMED), _CHUNK)]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": part} for part in [*parts, text[_STREAMED:]] if part]
    deltas += [{key: message[key]} for key in ("refusal", "tool_calls") if message.get(key)]
    return deltas


def _events(
    chunk: Mapping[str, Any], deltas: Sequence[Any], finish: str | None, usage: Any
) -> Iterator[bytes]:
    chunk = {**chunk, "usage": None}
    for delta in deltas:
        yield _event({**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    if finish is None:
        return
    if deltas:
        yield _event({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    yield _event({**chunk, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
