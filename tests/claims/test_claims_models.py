"""The claims desk and a model server: one that reads well, and one that fails in every manner."""

from __future__ import annotations

import json
from typing import Any

import pytest

from graphs.claims import claims
from langgraph_switchboard import Switchboard
from langgraph_switchboard.models import OpenAIModels
from langgraph_switchboard.testing import FakeClock, FaultyModelServer
from tests.claims.helpers import EXAMPLES, example

pytestmark = [pytest.mark.pg, pytest.mark.server]


def reads_well(chat: Any) -> str:
    """A server that answers each question of the desk as a good model would."""
    wanted = chat["response_format"]["json_schema"]["name"]
    if wanted == "FraudScreen":
        return json.dumps({"score": 0.05, "signals": [], "complete": True})
    if wanted == "Letter":
        return json.dumps({"text": "Dear customer, we have looked at it, and we pay 460.00 EUR. Goodbye!"})
    (one,) = [row["outputs"]["particulars"] for row in EXAMPLES if row["inputs"]["claim"]["id"] == "L-0021"]
    read = {**one, "line": "motor", "insured": None, "cause": "parking", "doubts": [], "confidence": 0.95}
    return json.dumps(read)


async def test_a_letter_in_prose_is_settled_where_a_model_reads_it(pg_dsn: str) -> None:
    """Over HTTP, under the contracts' schemas: read, screened, decided by rule, and told in its words."""
    with FaultyModelServer(reads_well) as server:
        models = OpenAIModels("any", base_url=server.base_url)
        async with Switchboard.open(pg_dsn, models=models) as switchboard:
            view = await switchboard.run(claims, example("L-0021"), case_id="c-1")
            (letter,) = await switchboard.services.store.outbox("c-1")
        await models.aclose()
    assert (view.status, view.state.payment.amount) == ("finished", "460.00")  # type: ignore[attr-defined]
    assert letter.row["text"].endswith("Goodbye!")
    assert len(server.chats) == 3


@pytest.mark.parametrize("fault", ["key", "refusal", "quota", "down", "html", "mismatch", "dropped"])
async def test_a_model_that_fails_leaves_a_proposal_for_a_person(fault: str, pg_dsn: str) -> None:
    """Plain code reads the form and screens by rules; it is less sure, so that a person looks."""
    with FaultyModelServer() as server:
        models = OpenAIModels(fault, base_url=server.base_url)
        async with Switchboard.open(pg_dsn, models=models, sleep=FakeClock().sleep) as switchboard:
            view = await switchboard.run(claims, example("L-0001"))
        await models.aclose()
    assert (view.status, view.row.step) == ("waiting", "review")
    assert view.state.settlement.amount == "1180.00"  # type: ignore[attr-defined]
    assert "confidence 0.76 is under 0.80" in str(view.row.reason)


async def test_an_answer_that_carries_instructions_pays_nothing(pg_dsn: str) -> None:
    """In the right shape, with words that nobody in the house wrote: what it made up stands in no paper."""
    with FaultyModelServer() as server:
        models = OpenAIModels("injected", base_url=server.base_url)
        async with Switchboard.open(pg_dsn, models=models, sleep=FakeClock().sleep) as switchboard:
            view = await switchboard.run(claims, example("L-0001"))
        await models.aclose()
    assert view.status == "waiting"
    assert view.state.payment is None  # type: ignore[attr-defined]
