"""Blocking code as people have it, in a module that another process can import."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from pydantic import Field

from langgraph_switchboard import Contract


class Ask(Contract):
    text: str


class Said(Contract):
    text: str = Field(min_length=1)
    confidence: float = Field(ge=0, le=1)


def look_up(ask: Ask) -> Said:
    """Look it up in a place that blocks."""
    print("a word that is no result")
    if ask.text == "break":
        raise ValueError("broken as asked")
    return Said(text=f"found: {ask.text}", confidence=0.8)


def sleeps_for_ever(ask: Ask) -> Said:
    """Write down which process this is, and never come back."""
    Path(ask.text).write_text(str(os.getpid()), encoding="utf-8")
    threading.Event().wait()
    return Said(text="never", confidence=0)
