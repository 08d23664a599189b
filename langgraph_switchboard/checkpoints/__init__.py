"""Where the state of cases lives: the group-commit saver, and the journal that rides with it."""

from __future__ import annotations

from langgraph_switchboard.checkpoints.adoption import CRASHES, EPOCH
from langgraph_switchboard.checkpoints.case_saver import CaseSaver
from langgraph_switchboard.checkpoints.journal import RidingJournal
from langgraph_switchboard.checkpoints.rows import TaskKey
from langgraph_switchboard.checkpoints.saver import GroupCommitSaver
from langgraph_switchboard.checkpoints.serialiser import PlainSerialiser

__all__ = ["CRASHES", "EPOCH", "CaseSaver", "GroupCommitSaver", "PlainSerialiser", "RidingJournal", "TaskKey"]
