"""A local OpenAI-compatible model server whose faults are chosen by the model's name."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from langgraph_switchboard.testing.local_server import LocalServer, Request, Response

Chat = Mapping[str, Any]
"""The body of a chat request."""

FAULTS = {
    "ok": "answers as wanted",
    "busy-once": "429 with Retry-After: 1, then answers",
    "busy": "429 for ever, Retry-After: 7",
    "quota": "429, because the account is out of money",
    "down": "500 for ever",
    "bad-request": "400",
    "key": "401",
    "hang": "takes the request and says nothing",
    "refuse": "closes the connection without a word",
    "cut": "stops in the middle of the answer",
    "cut-quietly": "ends early, as if the answer were complete",
    "html": "a page instead of JSON",
    "no-json": "prose instead of JSON in the answer",
    "no-choices": "an answer without choices",
    "no-arguments": "a tool call without arguments instead of an answer",
    "mismatch": "JSON, but not what was asked for",
    "refusal": "the model declines",
    "filter": "a content filter stops the answer",
    "length": "meets the token limit",
    "oversize": "an answer of 200,000 characters",
    "body-error": "200 with an error in the body",
    "no-usage": "answers, but does not say what it cost",
}
"""Model names that the stub knows, and what each does; every other name answers as `ok`."""


class OpenAIStub(LocalServer):
    """Speaks `POST /v1/chat/completions`, whole and streamed, on 127.0.0.1 until it is left.

    with OpenAIStub() as stub:
        models = OpenAIModels("ok", base_url=stub.base_url)

    Args:
        answer: Makes the text of a good answer from the request; unless given, the
            smallest value that fits the requested JSON Schema.
    """

    def __init__(self, answer: Callable[[Chat], str] | None = None) -> None:
        super().__init__()
        self._answer = answer or (lambda chat: json.dumps(fitting(_schema(chat))))
        self._asked: Counter[str] = Counter()

    @property
    def base_url(self) -> str:
        """What to set OPENAI_BASE_URL to."""
        return f"{self.url}/v1"

    @property
    def chats(self) -> list[dict[str, Any]]:
        """The bodies of the chat requests so far."""
        return [request.json() for request in list(self.requests)]

    def forget(self) -> None:
        """Begin anew: no request has been seen."""
        self.requests.clear()
        self._asked.clear()

    def respond(self, request: Request) -> Response:
        """Answer as the model's name says."""
        chat = request.json()
        model = str(chat["model"])
        self._asked[model] += 1
        if fault := self._fault(model):
            return fault
        message, finish = self._message(model, chat)
        usage = (
            None
            if model == "no-usage"
            else {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        )
        whole = {"id": "chat-1", "object": "chat.completion", "created": int(time.time()), "model": model}
        if chat.get("stream"):
            return _streamed(whole, message, finish, usage, model)
        choices = [] if model == "no-choices" else [{"index": 0, "message": message, "finish_reason": finish}]
        body = json.dumps({**whole, "choices": choices, "usage": usage}).encode()
        if model == "cut":
            return Response(200, (body[: len(body) // 2],), _JSON, breaks_off=True)
        return Response(200, (body,), _JSON)

    def _fault(self, model: str) -> Response | None:
        """The response of a server that does not get as far as an answer."""
        match model:
            case "busy-once" if self._asked[model] == 1:
                return _error(429, "rate_limit_exceeded", retry_after="1")
            case "busy":
                return _error(429, "rate_limit_exceeded", retry_after="7")
            case "quota":
                return _error(429, "insufficient_quota")
            case "down":
                return _error(500, "server_error")
            case "bad-request":
                return _error(400, "invalid_request_error")
            case "key":
                return _error(401, "invalid_api_key")
            case "hang":
                self.closing.wait()
                return Response(0)
            case "refuse":
                return Response(0)
            case "html":
                return Response(200, (b"<html>a proxy's page</html>",), _JSON)
            case "body-error":
                return Response.of({"error": {"message": "no worker", "code": 500}})
        return None

    def _message(self, model: str, chat: Chat) -> tuple[dict[str, Any], str | None]:
        message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
        match model:
            case "no-arguments":
                call = {"id": "c", "type": "function", "function": {"name": "answer", "arguments": None}}
                return {**message, "tool_calls": [{"index": 0, **call}]}, "tool_calls"
            case "refusal":
                return {**message, "refusal": "I cannot help with that."}, "stop"
            case "filter":
                return message, "content_filter"
            case "no-json":
                return {**message, "content": "Sure! Here you are."}, "stop"
            case "mismatch":
                return {**message, "content": '{"nobody": "asked for this"}'}, "stop"
            case "oversize":
                return {**message, "content": json.dumps({"text": "x" * 200_000})}, "stop"
        text = self._answer(chat)
        if model == "cut-quietly":
            return {**message, "content": text[: len(text) // 2]}, None
        if model == "length":
            return {**message, "content": text[: len(text) // 2]}, "length"
        return {**message, "content": text}, "stop"


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


_JSON = {"content-type": "application/json"}


def _schema(chat: Chat) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = chat.get("response_format", {}).get("json_schema", {}).get("schema", {})
    return schema


def _error(status: int, code: str, **headers: str) -> Response:
    said = {"message": f"as asked: {code}", "type": code, "code": code}
    return Response.of({"error": said}, status, **headers)


def _streamed(
    whole: Mapping[str, Any], message: Mapping[str, Any], finish: str | None, usage: Any, model: str
) -> Response:
    text = message["content"] or ""
    parts = [text[start : start + 8] for start in range(0, min(len(text), 4_000), 8)]
    rest = text[4_000:]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": part} for part in [*parts, rest] if part]
    deltas += [{key: message[key]} for key in ("refusal", "tool_calls") if message.get(key)]

    def events() -> Iterator[bytes]:
        chunk = {**whole, "object": "chat.completion.chunk", "usage": None}
        if model == "no-choices":
            deltas.clear()
        for delta in deltas[: len(deltas) // 2] if model == "cut" else deltas:
            yield _event({**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        if model in ("cut", "cut-quietly"):
            return
        if deltas:
            yield _event({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        yield _event({**chunk, "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"

    return Response(200, events(), {"content-type": "text/event-stream"}, breaks_off=model == "cut")


def _event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
