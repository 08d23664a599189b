"""Nodes: how a step runs, and what it is handed."""

from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.doubt import DOUBT
from langgraph_switchboard.nodes.foreign import as_agent
from langgraph_switchboard.nodes.forms import DECLINED, FINISHED, JOIN, Each, Fork, Join, Part, Picks, Wait
from langgraph_switchboard.nodes.node import StepNode
from langgraph_switchboard.nodes.review import answer_model
from langgraph_switchboard.nodes.services import (
    MemoryResources,
    Resources,
    Services,
    Tables,
    current,
    memory_services,
    register,
    using,
    utc_now,
)
from langgraph_switchboard.nodes.signature import read_agent, read_choice, read_plain
from langgraph_switchboard.nodes.spec import (
    DEAD_LETTER,
    END,
    OPEN,
    Approval,
    Choice,
    Edge,
    Expiry,
    FlowInfo,
    Gate,
    Hooks,
    Retry,
    Review,
    Risk,
    Step,
    Take,
    Way,
)

__all__ = [
    "DEAD_LETTER",
    "DECLINED",
    "DOUBT",
    "END",
    "FINISHED",
    "JOIN",
    "OPEN",
    "Approval",
    "Choice",
    "Each",
    "Edge",
    "Expiry",
    "FlowInfo",
    "Fork",
    "Gate",
    "Hooks",
    "Join",
    "MemoryResources",
    "Part",
    "Picks",
    "Resources",
    "Retry",
    "Review",
    "Risk",
    "Services",
    "Step",
    "StepContext",
    "StepNode",
    "Tables",
    "Take",
    "Wait",
    "Way",
    "answer_model",
    "as_agent",
    "current",
    "memory_services",
    "read_agent",
    "read_choice",
    "read_plain",
    "register",
    "using",
    "utc_now",
]
