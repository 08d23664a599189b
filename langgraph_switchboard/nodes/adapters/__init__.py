"""Adapters: what people have already, as steps of a blueprint.

    LangGraph graph, LangChain Runnable    desk.step(graph, name=..., takes=[...], gives="reply", then=...)
    langchain `create_agent`               @from_langchain(agent, gives=Reply)
    pydantic-ai agent                      @from_pydantic_ai(agent, gives=Reply)
    openai-agents agent                    @from_openai_agents(agent, gives=Reply)
    any other agent, any async function    an async function of contracts, as it is
    blocking code                          @in_process, or @in_thread where it may be left behind

Each of the three in the middle stands over a plain function that writes the prompt: its parameters
name what the agent may see of the case, and its docstring is the step's job description.

    @from_pydantic_ai(helper, gives=Reply)
    def billing(ticket: Ticket, account: Account | None) -> str:
        \"\"\"Answer questions about charges.\"\"\"
        return f"The customer asks: {ticket.text}"

    desk.step(billing, then="gate", timeout=60)

Whoever answers, the switchboard holds the seam: the output is checked against the contract and the
step is blamed, tokens go to the ledger, and the step's timeout ends the run inside.
"""

from langgraph_switchboard.nodes.adapters.langchain import from_langchain
from langgraph_switchboard.nodes.adapters.openai_agents import from_openai_agents
from langgraph_switchboard.nodes.adapters.processes import in_process
from langgraph_switchboard.nodes.adapters.pydantic_ai import from_pydantic_ai
from langgraph_switchboard.nodes.adapters.threads import in_thread

__all__ = [
    "from_langchain",
    "from_openai_agents",
    "from_pydantic_ai",
    "in_process",
    "in_thread",
]
