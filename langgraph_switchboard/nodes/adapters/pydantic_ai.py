"""Agents of pydantic-ai as steps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import MissingExtra
from langgraph_switchboard.models import Pricing, Usage
from langgraph_switchboard.nodes.adapters.faults import typed
from langgraph_switchboard.nodes.adapters.prompted import Prompt, Read, StepAgent, prompted
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.tally import Tally


def from_pydantic_ai(
    agent: Any,
    *,
    gives: type[Contract],
    deps: Callable[[StepContext], Any] | None = None,
    max_turns: int = 25,
    max_tokens: int | None = None,
    read: Read | None = None,
    pricing: Pricing | None = None,
) -> Callable[[Prompt], StepAgent]:
    """An agent of pydantic-ai as a step.

    An agent whose output is text, as it is by default, is asked for the contract as its structured
    output; the framework tells the model what does not fit, and asks again within its own retries.

    Args:
        agent: A `pydantic_ai.Agent`.
        gives: The contract that the step gives.
        deps: Gives the agent its dependencies, from the step's context.
        max_turns: How many requests it may make of a model.
        max_tokens: How many tokens it may use in all.
        read: Turns its output into the contract or its fields; its own output type then stands.
        pricing: Dollars for tokens by model name, where the framework does not know them itself.

    Raises:
        MissingExtra: pydantic-ai is not installed.
    """
    try:
        from pydantic_ai.usage import RunUsage, UsageLimits
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pydantic_ai":
            raise
        raise MissingExtra("pydantic-ai-slim", "frameworks", why="an agent of pydantic-ai") from None
    asked: dict[str, Any] = {} if read or agent.output_type is not str else {"output_type": gives}

    async def run(text: str, ctx: StepContext, tally: Tally) -> object:
        usage = RunUsage()
        limits = UsageLimits(request_limit=max_turns, total_tokens_limit=max_tokens)
        given = {"deps": deps(ctx)} if deps else {}
        try:
            result = await agent.run(text, usage=usage, usage_limits=limits, **asked, **given)
        except Exception as error:
            fault = typed(error, ctx.step)
            if fault is None:
                raise
            raise fault from error
        except asyncio.CancelledError:
            usage.requests += 1  # one was under way, and will be paid for
            usage.unmeasured_requests += 1
            raise
        finally:
            _count(usage, tally)
        tally.model = getattr(result.response, "model_name", None) or tally.model
        return result.output

    return prompted(run, gives, read=read, pricing=pricing)


def _count(usage: Any, tally: Tally) -> None:
    """What the run has used, also where it failed on the way."""
    tally.begun = usage.requests
    tally.counted = usage.requests - usage.unmeasured_requests
    tally.usage = Usage(usage.input_tokens, usage.output_tokens)
    tally.cost_usd = None if usage.cost is None else float(usage.cost)
