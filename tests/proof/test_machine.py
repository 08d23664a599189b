"""Whatever happens to a case, it stands as a small model says."""

from __future__ import annotations

import pytest

from langgraph_switchboard.testing.proofs import Nursery
from langgraph_switchboard.testing.proofs.machine import Model, machine

pytestmark = pytest.mark.pg


async def test_no_story_of_crashes_deploys_and_decisions_leaves_the_model(
    nursery: Nursery, pg_dsn: str
) -> None:
    """Laws 2 to 5: started, killed, taken over, decided, renamed, drained; each case stands as it must."""
    report = await machine(nursery, pg_dsn, examples=3, steps=12)
    assert report.is_clean, report.line()


class Credulous(Model):
    """Believes that nobody needs to be asked: what is driven is paid."""

    def driven(self) -> None:
        self.status, self.amount = "finished", 7


async def test_a_model_that_is_wrong_is_found_out(nursery: Nursery, pg_dsn: str) -> None:
    """The control: the same stories do not fit a model that believes that no case waits for a person."""
    report = await machine(nursery, pg_dsn, examples=5, steps=12, model=Credulous)
    assert report.broken, report.line()
