"""A plain function that writes a prompt, and an agent of another framework that answers it, as one step."""

from __future__ import annotations

import inspect
import json
import time
import typing
from collections.abc import Awaitable, Callable
from typing import Any

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.models import Pricing, priced_by
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.questions import spending
from langgraph_switchboard.nodes.tally import Tally

Prompt = Callable[..., str]
"""A plain function of contracts that writes the prompt; its parameters are what the agent may see."""
StepAgent = Callable[..., Awaitable[Any]]
"""An async function of contracts, as `Blueprint.step` takes it."""
Read = Callable[[Any], object]
"""Turns what a framework gives into the contract or its fields."""


Run = Callable[[str, StepContext, Tally], Awaitable[Any]]
"""Runs the other framework's agent on a prompt, and counts what it costs as it goes."""


def prompted(
    run: Run, gives: type[Contract], *, read: Read | None = None, pricing: Pricing | None = None
) -> Callable[[Prompt], StepAgent]:
    """What makes a step of a prompt function.

    Args:
        run: Runs the agent.
        gives: The contract that the step gives.
        read: Turns what the agent says into that contract or its fields, where it says it otherwise.
        pricing: Dollars for tokens by model name; the price list of the services unless given.
    """

    def decorate(prompt: Prompt) -> StepAgent:
        async def agent(*, ctx: StepContext, **seen: Any) -> object:
            tally, began = Tally(), time.perf_counter()
            async with spending(ctx, ctx.answers):
                try:
                    said = await run(prompt(**seen), ctx, tally)
                finally:
                    # Paid for is paid for, also where the run failed or was broken off.
                    prices = pricing or priced_by(ctx.services.prices)
                    ctx.answers.append(tally.answer(time.perf_counter() - began, prices))
            return read(said) if read else as_fields(said)

        return signed_as(agent, prompt, gives)

    return decorate


def signed_as(
    agent: Callable[..., Awaitable[Any]], like: Callable[..., Any], gives: type[Contract]
) -> StepAgent:
    """Give an agent the parameters, name and docstring of another function, and a contract to give.

    Raises:
        BlueprintError: The function is async, or names its parameters without types.
    """
    name = getattr(like, "__name__", type(like).__name__)
    if inspect.iscoroutinefunction(like):
        raise BlueprintError(f"{name!r} is async already", where=name, wanted="a plain function")
    hints = {key: kind for key, kind in typing.get_type_hints(like).items() if key != "return"}
    seen = [one for one in inspect.signature(like).parameters.values() if one.name != "ctx"]
    untyped = [one.name for one in seen if one.name not in hints]
    if untyped:
        raise BlueprintError(
            f"{name!r} has parameters without a contract: {', '.join(untyped)}",
            where=name,
            mend="Annotate each parameter with the contract of the field that it names.",
        )
    parameters = [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name])
        for one in seen
    ]
    ctx = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=StepContext)
    signed: Any = agent
    signed.__signature__ = inspect.Signature([*parameters, ctx], return_annotation=gives)
    signed.__annotations__ = {one.name: hints[one.name] for one in seen} | {
        "ctx": StepContext,
        "return": gives,
    }
    signed.__name__, signed.__qualname__, signed.__module__ = name, like.__qualname__, like.__module__
    signed.__doc__, signed.__wrapped__ = like.__doc__, like
    return agent


def as_fields(said: object) -> object:
    """What an agent said, as fields where it is JSON text; anything else is for the contract to judge."""
    if not isinstance(said, str):
        return said
    text = said.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return said
