"""The JSON API: cases and reviews for programs, and what they are told when something is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from langgraph_switchboard.cases.access import REQUESTER
from langgraph_switchboard.serve.api import OPENAPI, OPERATIONS
from tests.seam import CANARY
from tests.serve.served import Rig, amount_of, payments, serving

INPUTS = {"order": {"text": "two chairs"}}
APPROVE = {"decision": {"type": "approve"}}


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """A served switchboard with three flows, in memory and on Postgres."""
    dsn = "memory" if request.param == "memory" else request.getfixturevalue("pg_dsn")
    flows = [
        payments(risk="low"),
        payments("refunds", risk="low"),
        payments("claims", risk="high", amount=amount_of),
    ]
    async with serving(dsn, flows=flows) as one:
        yield one


async def come_to(rig: Rig, case_id: str, status: str) -> None:
    """Wait until the worker has driven a case so far."""
    async with asyncio.timeout(10):
        while True:
            row = await rig.switchboard.services.store.case(case_id)
            if row is not None and row.status == status:
                return
            await asyncio.sleep(0.01)


def code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    said = answer.json()
    assert (said["status"], said["type"]) == (answer.status_code, f"urn:switchboard:{said['code']}")
    return answer.status_code, said["code"]


async def test_a_case_goes_from_its_start_to_its_end_over_the_api(rig: Rig) -> None:
    """Handed in, driven by the server, found among the reviews, edited, gone on, told."""
    program, ann = rig.client(await rig.key("shop", "operator")), rig.client(await rig.key("ann", "reviewer"))
    # given
    begun = await program.post(
        "/api/cases", json={"flow": "payments", "inputs": INPUTS, "labels": {"a": "b"}}
    )
    assert begun.status_code == 202
    case_id = begun.json()["case_id"]
    assert begun.headers["location"] == f"/api/cases/{case_id}"
    await come_to(rig, case_id, "waiting")
    # when
    (review,) = (await ann.get("/api/reviews", params={"flow": "payments"})).json()["items"]
    assert (review["case_id"], review["shown"]["payment"]["amount"]) == (case_id, 20.0)
    edit = {"decision": {"type": "edit", "edited": {"amount": 7}}, "digest": review["token"]}
    decided = await ann.post(f"/api/reviews/{review['review_id']}/decide", json=edit)
    # then
    assert decided.status_code == 200
    assert decided.json()["case"]["status"] == "finished"
    assert decided.json()["review"]["decided_by"] == "ann"
    whole = (await ann.get(f"/api/cases/{case_id}")).json()
    assert whole["state"]["payment"]["amount"] == 7.0
    assert whole["case"]["labels"] == {"a": "b", REQUESTER: "shop"}
    assert (await ann.get(f"/api/cases/{case_id}/state")).json()["state"] == whole["state"]
    story = (await ann.get(f"/api/cases/{case_id}/story")).json()
    assert story["items"] == whole["story"]
    assert any("ann decides: edit" in line for line in story["lines"])
    (sent,) = await rig.switchboard.services.store.outbox(case_id)
    assert sent.row["amount"] == 7.0


async def test_handing_a_case_in_twice_is_one_case(rig: Rig) -> None:
    """By its id or by Idempotency-Key; other inputs under the same one are refused; callers do not share."""
    shop, other = rig.client(await rig.key("shop", "operator")), rig.client(await rig.key("bob", "operator"))
    body = {"flow": "payments", "inputs": INPUTS, "case_id": "order-1"}
    answers = [await shop.post("/api/cases", json=body) for _ in range(2)]
    assert [one.status_code for one in answers] == [202, 200]
    wrong = {**body, "inputs": {"order": {"text": "another"}}}
    assert code(await shop.post("/api/cases", json=wrong)) == (409, "case_error")

    body = {"flow": "payments", "inputs": INPUTS}
    key = {"idempotency-key": "k1"}
    first, again = [await shop.post("/api/cases", json=body, headers=key) for _ in range(2)]
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["case_id"] == again.json()["case_id"]
    assert (await other.post("/api/cases", json=body, headers=key)).json()["case_id"] != first.json()[
        "case_id"
    ]


async def test_lists_go_page_by_page_and_miss_nothing(rig: Rig) -> None:
    """Cases newest first, reviews oldest first, filtered, each once."""
    for number in range(7):
        await rig.case(f"p{number}", batch="one" if number % 2 else "two")
        rig.clock.advance(60)
    await rig.case("other", "claims")
    client = rig.client(await rig.key("vic", "viewer"))

    async def pages(path: str, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            page = (await client.get(path, params={**params, **after, "limit": 3})).json()
            found += page["items"]
            if page["next"] is None:
                return found
            after = {"after": page["next"]}

    cases = await pages("/api/cases", flow="payments")
    assert [one["case_id"] for one in cases] == [f"p{number}" for number in reversed(range(7))]
    labelled = await pages("/api/cases", label="batch:one")
    assert [one["case_id"] for one in labelled] == ["p5", "p3", "p1"]
    assert [one["case_id"] for one in await pages("/api/cases", q="oth")] == ["other"]
    assert await pages("/api/cases", status="finished") == []
    reviews = await pages("/api/reviews", flow="payments")
    assert [one["case_id"] for one in reviews] == [f"p{number}" for number in range(7)]
    assert [one["case_id"] for one in await pages("/api/reviews", risk="high")] == ["other"]


async def test_who_may_not_is_told_so_and_the_attempt_is_in_the_story(rig: Rig) -> None:
    """A viewer who tries to decide gets 403; so do operator, admin, requester, and who is out of scope."""
    review = await rig.case("c1", "claims", **{REQUESTER: "rita"})
    wrong = {
        "vic": await rig.key("vic", "viewer"),
        "otto": await rig.key("otto", "operator"),
        "adam": await rig.key("adam", "admin"),
        "audrey": await rig.key("audrey", "auditor"),
        "rita": await rig.key("rita", "reviewer"),
        "rose": await rig.key("rose", "reviewer", flows=["payments"]),
        "low": await rig.key("low", "reviewer", risk="medium"),
        "poor": await rig.key("poor", "reviewer", amount=5),
    }
    for key in wrong.values():
        answer = await rig.client(key).post(f"/api/reviews/{review}/decide", json=APPROVE)
        assert code(answer) == (403, "review_not_yours")
    assert code(await rig.client("sbk_0_0").post(f"/api/reviews/{review}/decide", json=APPROVE))[0] == 401
    story = await rig.switchboard.services.store.story("c1")
    refused = [entry.event.data["by"] for entry in story if entry.event.kind == "review_refused"]
    assert refused == list(wrong)
    assert (await rig.client(wrong["vic"]).get(f"/api/reviews/{review}")).json()["status"] == "open"


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        ("viewer", "POST", "/api/cases"),
        ("reviewer", "POST", "/api/cases"),
        ("auditor", "POST", "/api/cases"),
        ("admin", "POST", "/api/cases"),
        ("viewer", "POST", "/api/cases/c1/resume"),
        ("reviewer", "POST", "/api/cases/c1/resume"),
        ("admin", "POST", "/api/cases/c1/resume"),
    ],
)
async def test_each_role_does_its_own_work_only(rig: Rig, role: Any, method: str, path: str) -> None:
    """What a role has no right to is refused before anything of the request is read."""
    await rig.case("c1")
    client = rig.client(await rig.key("one", role))
    assert code(await client.request(method, path, json={"nonsense": 1})) == (403, "not_allowed")


async def test_the_second_to_decide_is_told_who_was_first(rig: Rig) -> None:
    """409 with the winner's name and verb; a stale digest is refused and leaves the review open."""
    review = await rig.case()
    ann, bob = rig.client(await rig.key("ann", "reviewer")), rig.client(await rig.key("bob", "reviewer"))
    path = f"/api/reviews/{review}/decide"
    assert code(await bob.post(path, json={**APPROVE, "digest": "0" * 64})) == (409, "review_stale")
    answers = await asyncio.gather(*(one.post(path, json=APPROVE) for one in (ann, bob)))
    assert sorted(one.status_code for one in answers) == [200, 409]
    (won,) = [one.json()["review"]["decided_by"] for one in answers if one.status_code == 200]
    (lost,) = [one for one in answers if one.status_code == 409]
    assert code(lost) == (409, "review_decided")
    assert (lost.json()["by"], lost.json()["decision"]) == (won, "approve")


async def test_a_decision_need_not_wait_for_its_case(rig: Rig) -> None:
    """`wait: false` is answered when the decision stands; the server drives the case on."""
    review = await rig.case()
    client = rig.client(await rig.key("ann", "reviewer"))
    answer = await client.post(f"/api/reviews/{review}/decide", json={**APPROVE, "wait": False})
    assert answer.json()["review"]["status"] == "decided"
    await come_to(rig, "c1", "finished")


@pytest.mark.parametrize(
    ("decision", "at"),
    [
        ({"type": "dance", "message": CANARY}, "type"),
        ({"type": "edit", "edited": {"amount": -1}}, "edited.amount"),
        ({"type": "edit", "edited": {"amount": 1, "note": CANARY}}, "edited.note"),
        ([{"type": "edit", "args": {"action": "x", "args": {"amount": CANARY}}}], "edited.amount"),
        ({"type": "approve", "by": "root"}, "by"),
        ({"decisions": [{"type": "approve"}, {"type": "approve"}]}, "decisions"),
        ([], ""),
    ],
)
async def test_an_answer_that_does_not_fit_names_its_fields_and_leaves_the_review_open(
    rig: Rig, decision: Any, at: str
) -> None:
    """422 with the place of each fault, and nothing of what was written."""
    review = await rig.case()
    client = rig.client(await rig.key("ann", "reviewer"))
    answer = await client.post(f"/api/reviews/{review}/decide", json={"decision": decision})
    assert code(answer) == (422, "decision_malformed")
    assert CANARY not in answer.text
    assert any(one["at"].endswith(at) for one in answer.json()["problems"])
    assert (await client.get(f"/api/reviews/{review}")).json()["status"] == "open"


@pytest.mark.parametrize(
    ("path", "body", "wanted"),
    [
        ("/api/cases", {"flow": "nope", "inputs": {}}, (422, "input_refused")),
        ("/api/cases", {"flow": "os:system", "inputs": {}}, (422, "input_refused")),
        ("/api/cases", {"flow": "payments", "inputs": {}}, (422, "input_refused")),
        ("/api/cases", {"flow": "payments", "inputs": {"order": {"text": 3}}}, (422, "contract_violation")),
        ("/api/cases", {"flow": "payments", "inputs": INPUTS, "by": "me"}, (422, "input_refused")),
        (
            "/api/cases",
            {"flow": "payments", "inputs": INPUTS, "labels": {REQUESTER: "bob"}},
            (422, "input_refused"),
        ),
        ("/api/cases", {"flow": "payments", "inputs": INPUTS, "case_id": "a\x00b"}, (422, "input_refused")),
        ("/api/cases", [], (422, "input_refused")),
        ("/api/cases/none/resume", {}, (404, "case_unknown")),
    ],
)
async def test_what_is_handed_in_wrongly_is_refused_in_words(
    rig: Rig, path: str, body: Any, wanted: tuple[int, str]
) -> None:
    """Nothing is imported for a flow's name, nobody says for himself who he is, nothing is accepted."""
    client = rig.client(await rig.key("shop", "operator"))
    assert code(await client.post(path, json=body)) == wanted
    assert await rig.switchboard.cases() == []


async def test_what_is_not_there_is_not_found(rig: Rig) -> None:
    """404 for cases and reviews; 422 for what cannot even be asked for; 405 and 415 as HTTP has them."""
    client = rig.client(await rig.key("shop", "operator"))
    assert code(await client.get("/api/cases/none")) == (404, "case_unknown")
    assert code(await client.get("/api/cases/none/story")) == (404, "case_unknown")
    assert code(await client.get("/api/reviews/none")) == (404, "review_unknown")
    assert code(await client.post("/api/reviews/none/decide", json=APPROVE)) == (404, "review_unknown")
    assert code(await client.get("/api/cases/a%00b")) == (422, "input_refused")
    assert code(await client.get("/api/cases?after=nonsense")) == (422, "input_refused")
    assert code(await client.get("/api/cases?limit=9999")) == (422, "input_refused")
    assert code(await client.get("/api/cases?owner=me")) == (422, "input_refused")
    assert (
        code(await client.post("/api/cases", content=b"{", headers={"content-type": "text/plain"}))[0] == 415
    )
    bad = await client.post("/api/cases", content=b"{", headers={"content-type": "application/json"})
    assert code(bad) == (422, "input_refused")


async def test_many_are_approved_at_once_only_where_they_are_alike_and_harmless(rig: Rig) -> None:
    """One kind, no high risk; each by itself, so that one who was too late holds up none of the others."""
    ids = [await rig.case(f"p{number}") for number in range(4)]
    refund, claim = await rig.case("r1", "refunds"), await rig.case("x1", "claims")
    ann, bob = rig.client(await rig.key("ann", "reviewer")), rig.client(await rig.key("bob", "reviewer"))
    path = "/api/approvals"
    assert code(await ann.post(path, json={"reviews": [ids[0], refund]})) == (422, "input_refused")
    assert code(await ann.post(path, json={"reviews": [claim]})) == (422, "input_refused")
    assert code(await ann.post(path, json={"reviews": [ids[0], "none"]})) == (404, "review_unknown")
    await bob.post(f"/api/reviews/{ids[1]}/decide", json={"decision": {"type": "reject"}})
    done = (await ann.post(path, json={"reviews": ids})).json()["items"]
    assert [(one["done"], one["code"]) for one in done] == [
        (True, ""),
        (False, "review_decided"),
        (True, ""),
        (True, ""),
    ]
    for number in (0, 2, 3):
        await come_to(rig, f"p{number}", "finished")
    viewer = rig.client(await rig.key("vic", "viewer"))
    refused = (await viewer.post(path, json={"reviews": [refund]})).json()["items"]
    assert [(one["done"], one["code"]) for one in refused] == [(False, "review_not_yours")]


async def test_an_auditor_reads_everything_but_personal_data(rig: Rig) -> None:
    """Mail addresses and card numbers are taken out of input, story, state and reviews alike."""
    inputs = {"order": {"text": "ada@mail.example pays by 4111 1111 1111 1111"}}
    await rig.switchboard.run("payments", inputs, case_id="c1")
    auditor, viewer = rig.client(await rig.key("au", "auditor")), rig.client(await rig.key("vi", "viewer"))
    (review,) = (await auditor.get("/api/reviews")).json()["items"]
    paths = ["/api/cases/c1", "/api/cases/c1/story", "/api/cases/c1/state", "/api/cases", "/api/reviews"]
    for path in [*paths, f"/api/reviews/{review['review_id']}"]:
        assert "ada@mail" not in (await auditor.get(path)).text
        assert "4111" not in (await auditor.get(path)).text
    assert "ada@mail" in (await viewer.get("/api/cases/c1")).text


async def test_what_broke_off_is_taken_up_by_the_server_and_by_operators(rig: Rig) -> None:
    """Accepted and never driven, as after a crash: a chore finds it, and an operator need not wait."""
    await rig.switchboard.start("payments", INPUTS, case_id="left")
    worker = rig.app.state.worker
    assert await worker.take_up_strays(rig.switchboard, rig.clock.now()) == 0
    rig.clock.advance(timedelta(minutes=1))
    assert await worker.take_up_strays(rig.switchboard, rig.clock.now()) == 1
    await come_to(rig, "left", "waiting")

    await rig.switchboard.start("payments", INPUTS, case_id="again")
    otto = rig.client(await rig.key("otto", "operator"))
    answer = await otto.post("/api/cases/again/resume", json={"reason": "deployed"})
    assert answer.status_code == 202
    await come_to(rig, "again", "waiting")
    story = await rig.switchboard.services.store.story("again")
    assert {"by": "otto", "verb": "resume", "reason": "deployed"} in [entry.event.data for entry in story]


async def test_the_api_says_who_one_is_and_which_flows_there_are(rig: Rig) -> None:
    """`/api/me` and `/api/flows`, with the form of each input."""
    client = rig.client(await rig.key("ann", "reviewer", flows=["payments"]))
    me = (await client.get("/api/me")).json()
    assert (me["name"], me["rights"], me["scope"]) == ("ann", ["read", "decide"], {"flows": ["payments"]})
    flows = (await client.get("/api/flows")).json()["items"]
    assert [one["name"] for one in flows] == ["payments", "refunds", "claims"]
    assert "text" in flows[0]["inputs"]["order"]["properties"]


async def test_the_description_of_the_api_is_whole_and_needs_no_network(rig: Rig) -> None:
    """Every operation is in it, with its problems; it names no other server."""
    answer = await rig.client().get("/api/openapi.json")
    assert answer.json() == OPENAPI
    said = {(method.upper(), path) for path, item in OPENAPI["paths"].items() for method in item}
    assert said == {(one.method, one.path) for one in OPERATIONS}
    assert OPENAPI["openapi"] == "3.1.0" and "http" not in answer.text.replace('"http"', "")
    assert all(item["summary"] for path in OPENAPI["paths"].values() for item in path.values())


async def test_a_case_of_a_batch_is_found_by_its_id_with_a_slash(rig: Rig) -> None:
    """`batch/4711` is the id of a case, as is; what stands behind it is still found."""
    await rig.case("batch/4711")
    client = rig.client(await rig.key("otto", "operator"))
    for case_id in ("batch/4711", "batch%2F4711"):
        assert (await client.get(f"/api/cases/{case_id}")).json()["case"]["case_id"] == "batch/4711"
        assert (await client.get(f"/api/cases/{case_id}/story")).json()["lines"]
        assert (await client.get(f"/api/cases/{case_id}/state")).status_code == 200
        assert (await client.post(f"/api/cases/{case_id}/resume", json={})).status_code == 202
    assert (await client.get("/api/cases/batch/4711/resume")).status_code == 405
    await rig.app.state.worker.idle()
    cancelled = await client.post("/api/cases/batch/4711/cancel", json={"why": "a test"})
    assert cancelled.json()["status"] == "declined"


async def test_the_page_of_the_api_tells_of_every_call(rig: Rig) -> None:
    """For people, without a key; each operation, each shape."""
    await rig.key("ann", "viewer")
    page = (await rig.client().get("/api")).text
    assert all(f"{one.method} {one.path}" in page for one in OPERATIONS)
    assert all(f'id="schema-{name}"' in page for name in OPENAPI["components"]["schemas"])


async def test_health_needs_no_key_and_readiness_asks_the_database(rig: Rig) -> None:
    """Both tell nothing about cases; a server that stops is no longer ready."""
    await rig.key("ann", "viewer")
    client = rig.client()
    assert (await client.get("/health")).json() == {"status": "ok"}
    assert (await client.get("/ready")).json() == {"status": "ready"}
    rig.app.state.draining = True
    assert (await client.get("/ready")).status_code == 503
    rig.app.state.draining = False


async def test_a_review_is_looked_at_handed_on_decided_and_taken_back(rig: Rig) -> None:
    """The verbs of people besides deciding; who may not decide may not keep others from it either."""
    review = await rig.case("c1", "claims")
    ann, vic = rig.client(await rig.key("ann", "reviewer")), rig.client(await rig.key("vic", "viewer"))

    async def do(client: httpx.AsyncClient, verb: str, **body: Any) -> httpx.Response:
        return await client.post(f"/api/reviews/{review}/{verb}", json=body)

    assert (await do(ann, "claim")).json()["assigned_to"] == "ann"
    assert code(await do(vic, "claim")) == (403, "review_not_yours")
    assert (await do(ann, "release")).json()["assigned_to"] is None
    assert (await do(ann, "escalate", to="leads", message="too hot")).json()["owner"] == "leads"
    assert code(await do(vic, "escalate", to="me")) == (403, "review_not_yours")
    assert code(await do(ann, "undo")) == (409, "review_closed")
    store, now = rig.switchboard.services.store, rig.switchboard.services.clock()
    row = await store.review(review)
    assert row is not None
    approve = {"type": "approve", "message": "", "edited": None}
    await store.decide(
        review, version=1, digest=row.token, decision=approve, by="ann", at=now, undo=timedelta(seconds=10)
    )
    assert (await ann.get(f"/api/reviews/{review}")).json()["status"] == "held"
    assert code(await do(vic, "undo")) == (403, "review_not_yours")
    assert (await do(ann, "undo")).json()["status"] == "open"
