"""Deeds: what hands are told to do."""

from __future__ import annotations

from typing import Any

from langgraph_switchboard.switchboard.core import Switchboard


async def decide(switchboard: Switchboard, review: str, answer: dict[str, Any], by: str) -> str:
    """Decide a review; the status of the case afterwards."""
    return (await switchboard.decide(review, answer, by=by)).status


async def run(switchboard: Switchboard, flow: str, inputs: dict[str, Any], case: str) -> str:
    """Start a case and drive it; its status afterwards."""
    return (await switchboard.run(flow, inputs, case_id=case)).status


async def resume(switchboard: Switchboard, case: str) -> str:
    """Drive a case on; its status afterwards."""
    return (await switchboard.resume(case)).status


async def start(switchboard: Switchboard, flow: str, inputs: dict[str, Any], case: str) -> str:
    """Accept a case without driving it; its status afterwards."""
    return (await switchboard.start(flow, inputs, case_id=case)).status


async def resume_all(switchboard: Switchboard, flow: str) -> list[str]:
    """Take up whatever broke off; the ids of the cases that broke off again."""
    return sorted(await switchboard.resume_all(flow=flow))
