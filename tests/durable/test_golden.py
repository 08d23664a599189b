"""Cases that earlier releases left go on under today's code, or are refused loudly."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from pydantic import Field

from langgraph_switchboard import CaseState, Contract, Decision, StepContext, Switchboard
from langgraph_switchboard.contracts import open_envelope
from langgraph_switchboard.errors import ContractChanged
from langgraph_switchboard.postgres import Pool
from tests.golden import corpus
from tests.golden.corpus import FOLDER, Sent, Wish, WishCase, load, wishes

CORPORA = sorted(FOLDER.glob("*.json"))


@pytest.mark.pg
@pytest.mark.parametrize("path", CORPORA, ids=lambda path: path.stem)
async def test_cases_of_every_release_go_on(path: Any, pg_dsn: str, pg_pool: Pool) -> None:
    """What waited is decided, what was accepted runs, what had ended stays: nothing is sent twice."""
    async with Switchboard.open(pg_dsn):
        pass  # makes LangGraph's own tables
    await load(pg_pool, json.loads(path.read_text()))
    async with Switchboard.open(pg_dsn, flows=[wishes()]) as switchboard:
        done = await switchboard.case("done")
        assert isinstance(done.state, WishCase)
        assert done.state.sent == Sent(key="done/offer")
        assert await switchboard.resume_all() == {}
        for review in await switchboard.reviews():
            await switchboard.decide(review.review_id, {"type": "approve"}, by="anna")
        assert {row.case_id: row.status for row in await switchboard.cases()} == {
            "accepted": "finished",
            "waits": "finished",
            "done": "finished",
            "dead": "dead_lettered",
        }
        sent = sorted(row.case_id for row in await switchboard.services.store.outbox())
        assert sent == ["accepted", "done", "waits"]


def test_there_is_a_corpus() -> None:
    """A release without one would test nothing above."""
    assert CORPORA


# -- nine ways to change a contract under stored payloads --------------------------------------------

STORED = corpus.Offer(text="a lamp", price=7)


def _changed(name: str = "Offer", version: int = 1, **body: Any) -> type[Contract]:
    annotations = {key: value[0] for key, value in body.items() if isinstance(value, tuple)}
    rest = {
        key: value[1] if isinstance(value, tuple) and len(value) > 1 else value for key, value in body.items()
    }
    values = {key: value for key, value in rest.items() if not isinstance(value, tuple)}
    made = {"__annotations__": annotations, "__module__": __name__, "__doc__": "Changed.", **values}
    make: Any = type(Contract)
    changed: type[Contract] = make(name, (Contract,), made, version=version, name="Offer")
    return changed


BASE: dict[str, Any] = {"text": (str,), "price": (int,), "colour": (str, "red")}


def _upcast(change: Any) -> classmethod[Any, Any, Any]:
    return classmethod(lambda cls, payload, version: change(payload))


READS = {
    "unchanged": _changed(**BASE),
    "an optional field more": _changed(**BASE, size=(str, "m")),
    "a required field more, with an upcast": _changed(
        version=2, **BASE, size=(str,), upcast=_upcast(lambda payload: {**payload, "size": "m"})
    ),
    "a field renamed, with an upcast": _changed(
        version=2,
        **{**BASE, "text": (str, ""), "words": (str, "")},
        upcast=_upcast(lambda payload: {"words": payload["text"], "price": payload["price"]}),
    ),
    "a field removed, with an upcast": _changed(
        version=2,
        text=(str,),
        price=(int,),
        upcast=_upcast(lambda payload: {"text": payload["text"], "price": payload["price"]}),
    ),
    "the class renamed and moved, its name kept": _changed("Proposal", **BASE),
}
REFUSES = {
    "a required field more": _changed(**BASE, size=(str,)),
    "a field renamed": _changed(words=(str,), price=(int,), colour=(str, "red")),
    "a field removed": _changed(text=(str,), price=(int,)),
    "a bound narrowed": _changed(**{**BASE, "price": (int, Field(le=5))}),
    "a choice dropped": _changed(**{**BASE, "colour": (Literal["blue"], "blue")}),
}


def _stored() -> Any:
    path = CORPORA[0]
    writes = json.loads(path.read_text())["switchboard.ledger"]
    [gave] = [
        row["data"]["gave"]["offer"] for row in writes if row["case_id"] == "waits" and row["step"] == "draft"
    ]
    return gave


@pytest.mark.parametrize("change", READS, ids=str)
def test_a_change_with_a_version_is_read(change: str) -> None:
    """Payloads of an earlier release are upcast and validated."""
    assert open_envelope(_stored(), READS[change]).contract_name == "Offer"


@pytest.mark.parametrize("change", REFUSES, ids=str)
def test_a_change_without_a_version_is_refused_loudly(change: str) -> None:
    """It is the deployed code that is at fault, and it is told how to mend it."""
    with pytest.raises(ContractChanged, match="Raise the contract's version"):
        open_envelope(_stored(), REFUSES[change])


@pytest.mark.pg
async def test_a_case_under_a_changed_contract_is_left_standing(pg_dsn: str, pg_pool: Pool) -> None:
    """Neither fallback nor dead letter: the right deploy takes it on."""
    narrowed = REFUSES["a bound narrowed"]

    class NarrowDecision(Decision):
        """What a person says."""

        edited: narrowed | None = None  # type: ignore[valid-type]

    make: Any = type(CaseState)
    case = make(
        "NarrowCase",
        (CaseState,),
        {
            "__annotations__": {
                "wish": Wish,
                "offer": narrowed | None,
                "offer_decision": NarrowDecision | None,
                "sent": Sent | None,
            },
            "__module__": __name__,
            "offer": None,
            "offer_decision": None,
            "sent": None,
        },
    )

    async def draft(wish: Wish) -> Any:
        """Never called."""

    async def send(offer: Any, ctx: StepContext) -> Sent:
        """Never called."""
        return Sent(key="")

    draft.__annotations__["return"] = narrowed
    send.__annotations__["offer"] = narrowed
    async with Switchboard.open(pg_dsn):
        pass
    await load(pg_pool, json.loads(CORPORA[-1].read_text()))
    flow = wishes(case, NarrowDecision, draft=draft, send=send)
    async with Switchboard.open(pg_dsn, flows=[flow]) as switchboard:
        [review] = [one for one in await switchboard.reviews() if one.case_id == "waits"]
        with pytest.raises(ContractChanged):
            await switchboard.decide(review.review_id, {"type": "reject"}, by="anna")
    async with Switchboard.open(pg_dsn, flows=[wishes()]) as switchboard:
        assert (await switchboard.resume("waits")).status == "declined"
