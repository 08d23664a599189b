"""Tools: what a model may call while it answers, under a contract for the arguments.

A model can call nothing that the question does not offer, with no arguments that break the
tool's contract, and never a tool of high risk: whatever that would do, a person decides.
"""

from __future__ import annotations

import inspect
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from langgraph_switchboard.contracts import Contract, digest_of
from langgraph_switchboard.errors import ConfigurationError, ContractViolation, ToolRefused
from langgraph_switchboard.models.schema import strict_schema

ToolRisk = Literal["low", "medium", "high"]
"""How much harm a call does that should not have been made."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Tool:
    """Something that a model may call while it answers.

    Args:
        name: How the model calls it; letters, digits, `_` and `-`.
        contract: The arguments; they are checked before anything runs.
        call: Plain async code that takes them and gives something JSON-plain or a contract. It should
            look up, not act: what is done to the world belongs into an effect of the blueprint.
        risk: A tool of high risk is never run for a model; the step fails, and a person takes it.
        says: What it does, for the model; the docstring of `call` unless given.

    Raises:
        ConfigurationError: The name is no name, `call` is not async, or nothing says what it does.
    """

    name: str
    contract: type[Contract]
    call: Callable[[Any], Awaitable[object]]
    risk: ToolRisk = "low"
    says: str = ""

    def __post_init__(self) -> None:
        wrong = _wrong_in(self)
        if wrong:
            raise ConfigurationError(f"the tool {self.name!r} {wrong}", where=f"Tool({self.name!r})")

    def offer(self) -> dict[str, Any]:
        """The tool as a chat request offers it."""
        function = {"name": self.name, "description": _says(self), "strict": True}
        return {
            "type": "function",
            "function": {**function, "parameters": strict_schema(self.contract)},
        }


@dataclass(frozen=True)
class ToolCall:
    """One call that was made, for the record: no arguments and no result, for they may hold personal data."""

    tool: str
    arguments: str
    """Digest of the arguments."""
    seconds: float


@dataclass(frozen=True)
class _Asked:
    tool: Tool
    arguments: Contract
    call_id: str

    @property
    def key(self) -> tuple[str, str]:
        return self.tool.name, digest_of(self.arguments.model_dump(mode="json"))


class ToolBox:
    """The tools that one question offers, and the calls that were made while it was answered.

    Args:
        tools: What is offered; nothing else can be called.
        where: Who calls, for errors.
    """

    def __init__(self, tools: Sequence[Tool], where: str) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._where = where
        self._made: set[tuple[str, str]] = set()
        self.calls: list[ToolCall] = []
        """The calls that were made, in order."""

    def offers(self) -> list[dict[str, Any]]:
        """The tools as a chat request offers them."""
        return [tool.offer() for tool in self._tools.values()]

    async def run(
        self, calls: Sequence[Mapping[str, Any]], unread: Sequence[Mapping[str, Any]] = ()
    ) -> list[tuple[str, str]]:
        """Check every call of one message, then make them in order.

        Args:
            calls: As LangChain reads them: `name`, `args`, `id`.
            unread: Those whose arguments it could not read.

        Returns:
            For each the id of the call and what came of it, as JSON: data for the model.

        Raises:
            ToolRefused: One of them may not be made; then none was made.
        """
        if unread:
            raise self._refused(
                str(unread[0].get("name")), "arguments that are not JSON", "invalid_arguments"
            )
        asked = [self._check(one) for one in calls]
        keys = [one.key for one in asked]
        for one in asked:
            if one.key in self._made or keys.count(one.key) > 1:
                raise self._refused(one.tool.name, f"{one.tool.name} twice for the same", "duplicate")
        if len({one.call_id for one in asked}) < len(asked):
            raise self._refused(asked[0].tool.name, "two calls under one id", "duplicate")
        return [(one.call_id, await self._make(one)) for one in asked]

    def _check(self, call: Mapping[str, Any]) -> _Asked:
        name = str(call.get("name"))
        tool = self._tools.get(name)
        if tool is None:
            # The name is the model's own text, and is not repeated in errors.
            offered = ", ".join(self._tools) or "no tool at all"
            raise self._refused("", f"a tool that is not offered (there is {offered})", "unknown")
        if tool.risk == "high":
            raise self._refused(name, "a tool of high risk", "high_risk", retryable=False, final=True)
        try:
            arguments = tool.contract.accept(call.get("args"), by=self._where)
        except ContractViolation as error:
            first = error.problems[0]
            broken = f"{name} with arguments that break its contract: {first['at']} {first['says']}"
            raise self._refused(name, broken, "invalid_arguments", problems=error.problems) from None
        return _Asked(tool, arguments, str(call.get("id")))

    async def _make(self, asked: _Asked) -> str:
        began = time.perf_counter()
        self._made.add(asked.key)
        result = await asked.tool.call(asked.arguments)
        plain = to_jsonable_python(
            result.model_dump(mode="json") if isinstance(result, BaseModel) else result
        )
        self.calls.append(ToolCall(asked.tool.name, asked.key[1], time.perf_counter() - began))
        return json.dumps({"result": plain}, ensure_ascii=False)

    def _refused(self, tool: str, what: str, why: str, **said: Any) -> ToolRefused:
        return ToolRefused(f"the model called {what}", where=self._where, tool=tool, why=why, **said)


def _wrong_in(tool: Tool) -> str:
    if not _NAME.fullmatch(tool.name):
        return "has a name that no model can call"
    if not inspect.iscoroutinefunction(tool.call):
        return "is no async function"
    return "" if _says(tool) else "does not say what it does: write a docstring, or give says="


def _says(tool: Tool) -> str:
    return tool.says or inspect.cleandoc(tool.call.__doc__ or "").partition("\n\n")[0]
