"""Nodes: how a step runs, and what it is handed."""

from langgraph_switchboard.nodes.branches import BranchNode, ExitNode
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.doubt import DOUBT
from langgraph_switchboard.nodes.foreign import as_agent
from langgraph_switchboard.nodes.forms import (
    DECLINED,
    FINISHED,
    JOIN,
    RESULT,
    Each,
    Fork,
    Join,
    Part,
    Picks,
    Wait,
)
from langgraph_switchboard.nodes.hooks import must_be_hooks
from langgraph_switchboard.nodes.node import StepNode
from langgraph_switchboard.nodes.review import amount_of, answer_model, people_for
from langgraph_switchboard.nodes.scope import Frame, Scope
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
from langgraph_switchboard.nodes.sets import exit_of
from langgraph_switchboard.nodes.signature import read_agent, read_choice, read_plain
from langgraph_switchboard.nodes.spec import (
    DEAD_LETTER,
    END,
    OPEN,
    PATIENCE_IN_A_SET,
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
    "PATIENCE_IN_A_SET",
    "RESULT",
    "Approval",
    "BranchNode",
    "Choice",
    "Each",
    "Edge",
    "ExitNode",
    "Expiry",
    "FlowInfo",
    "Fork",
    "Frame",
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
    "Scope",
    "Services",
    "Step",
    "StepContext",
    "StepNode",
    "Tables",
    "Take",
    "Wait",
    "Way",
    "amount_of",
    "answer_model",
    "as_agent",
    "current",
    "exit_of",
    "memory_services",
    "must_be_hooks",
    "people_for",
    "read_agent",
    "read_choice",
    "read_plain",
    "register",
    "using",
    "utc_now",
]
