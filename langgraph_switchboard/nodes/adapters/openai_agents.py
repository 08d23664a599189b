"""Agents of the OpenAI Agents SDK as steps. Its tracing, which sends to OpenAI, is off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import MissingExtra
from langgraph_switchboard.models import Pricing
from langgraph_switchboard.nodes.adapters.faults import typed
from langgraph_switchboard.nodes.adapters.prompted import Prompt, Read, StepAgent, prompted
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.tally import Tally


def from_openai_agents(
    agent: Any,
    *,
    gives: type[Contract],
    context: Callable[[StepContext], Any] | None = None,
    max_turns: int = 10,
    read: Read | None = None,
    pricing: Pricing | None = None,
) -> Callable[[Prompt], StepAgent]:
    """An agent of the OpenAI Agents SDK as a step.

    An agent without an output type is asked for the contract. Handoffs and tools are its own
    affair; what comes out in the end must be the contract, whichever agent says it.

    Args:
        agent: An `agents.Agent`.
        gives: The contract that the step gives.
        context: Gives the SDK's own context object, from the step's context.
        max_turns: How many turns it may take.
        read: Turns its final output into the contract or its fields; its own output type then stands.
        pricing: Dollars for tokens by model name; the price list of the services unless given.

    Raises:
        MissingExtra: The SDK is not installed.
    """
    try:
        from agents import AgentOutputSchema, RunConfig, RunHooks, Runner
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "agents":
            raise
        raise MissingExtra("openai-agents", "frameworks", why="an agent of the OpenAI Agents SDK") from None
    if agent.output_type is None and read is None:
        # The contract's bounds go beyond the strict subset; it is checked here, whatever the model keeps to.
        agent = agent.clone(output_type=AgentOutputSchema(gives, strict_json_schema=False))

    class Counting(RunHooks[Any]):
        """Counts each call of a model when it is over."""

        def __init__(self, tally: Tally) -> None:
            self._tally = tally

        async def on_llm_start(self, *_: Any) -> None:
            self._tally.begin()

        async def on_llm_end(self, context: Any, agent: Any, response: Any) -> None:
            usage = response.usage
            self._tally.end(usage and usage.input_tokens, usage and usage.output_tokens, _model_of(agent))

    async def run(text: str, ctx: StepContext, tally: Tally) -> object:
        try:
            result = await Runner.run(
                agent,
                text,
                context=context(ctx) if context else None,
                max_turns=max_turns,
                hooks=Counting(tally),
                run_config=RunConfig(tracing_disabled=True),
            )
        except Exception as error:
            fault = typed(error, ctx.step)
            if fault is None:
                raise
            raise fault from error
        return result.final_output

    return prompted(run, gives, read=read, pricing=pricing)


def _model_of(agent: Any) -> str | None:
    model = agent.model
    return model if isinstance(model, str) else getattr(model, "model", None) and str(model.model)
