"""Models that play their parts, for frameworks that must have one; no line of them is counted either."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class Played(BaseChatModel):
    """Answers by a plain function of the messages: text, or the name of a tool to call."""

    part: Any

    @property
    def _llm_type(self) -> str:
        return "played"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Played:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        said = self.part(messages)
        if isinstance(said, str):
            return ChatResult(generations=[ChatGeneration(message=AIMessage(said))])
        call = {"name": said["tool"], "args": said.get("args", {}), "id": f"call-{len(messages)}"}
        message = AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=message)])


def asked(messages: Sequence[BaseMessage]) -> str:
    """What the customer wrote."""
    return next(str(one.content) for one in messages if isinstance(one, HumanMessage))


def spoken(messages: Sequence[BaseMessage], name: str) -> str | None:
    """What an agent has said, if it has spoken; that it hands back is no word of its own."""
    said = [str(one.content) for one in messages if getattr(one, "name", None) == name and one.content]
    return next((one for one in said if one.startswith("{")), None)


def leads(names: Sequence[str], pick: Callable[[str], Sequence[str]]) -> Played:
    """A supervisor: hands on to those whom `pick` names for a question, one after the other, and sums up."""

    def part(seen: Sequence[BaseMessage]) -> Any:
        meant = pick(asked(seen))
        silent = [name for name in meant if not spoken(seen, name)]
        if silent:
            return {"tool": f"transfer_to_{silent[0]}"}
        if len(names) > len(meant):
            return spoken(seen, meant[0])
        return as_text({name: json.loads(spoken(seen, name) or "{}") for name in meant})

    return Played(part=part)


def says(answer: Callable[[str], dict[str, Any]]) -> Played:
    """An agent that answers by itself."""
    return Played(part=lambda seen: as_text(answer(asked(seen))))


def calls(tool: str) -> Played:
    """An agent that calls its tool, and repeats what the tool says."""

    def part(seen: Sequence[BaseMessage]) -> Any:
        told = [str(one.content) for one in seen if one.type == "tool" and getattr(one, "name", "") == tool]
        return told[-1] if told else {"tool": tool, "args": {"claim": json.loads(asked(seen))}}

    return Played(part=part)


def as_text(fields: dict[str, Any]) -> str:
    """Fields as the JSON that a model would write."""
    return json.dumps(fields)
