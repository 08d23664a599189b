"""The saver passes the kit that LangGraph gives to authors of checkpointers, all of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import Capability
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from langgraph_switchboard.checkpoints import GroupCommitSaver
from langgraph_switchboard.postgres import Pool

pytestmark = pytest.mark.pg


async def test_the_saver_passes_every_test_of_the_conformance_kit(pg_pool: Pool) -> None:
    """All eight capabilities are detected and pass: what is not detected is not tested."""
    await GroupCommitSaver(pg_pool).setup()

    @checkpointer_test(name="group commit")
    async def ours() -> AsyncGenerator[BaseCheckpointSaver[str], None]:
        saver = GroupCommitSaver(pg_pool)
        yield saver
        await saver.aclose()

    report = await validate(ours)

    assert {name for name, result in report.results.items() if result.detected} == {
        capability.value for capability in Capability
    }
    assert [result.failures for result in report.results.values() if not result.passed] == []
    assert sum(result.tests_passed for result in report.results.values()) >= 81


async def test_the_stock_saver_lacks_two_of_the_capabilities(pg_pool: Pool) -> None:
    """The contrast: stock has no delete for runs and no copy of a thread."""

    @checkpointer_test(name="stock")
    async def stock() -> AsyncGenerator[BaseCheckpointSaver[str], None]:
        yield AsyncPostgresSaver(pg_pool)

    report = await validate(stock, capabilities={"delete_for_runs", "copy_thread"})

    assert not report.results["delete_for_runs"].detected
    assert not report.results["copy_thread"].detected
