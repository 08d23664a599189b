"""Where the state of cases lives: the group-commit saver."""

from __future__ import annotations

from langgraph_switchboard.checkpoints.rows import TaskKey
from langgraph_switchboard.checkpoints.saver import GroupCommitSaver

__all__ = ["GroupCommitSaver", "TaskKey"]
