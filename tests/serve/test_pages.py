"""The pages over an application in process: what they show, what they take, and what they refuse."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from langgraph_switchboard import END, Blueprint
from langgraph_switchboard.cases import InboxQuery
from langgraph_switchboard.nodes import Retry
from langgraph_switchboard.switchboard.ticker import Ticker
from tests.seam import PaymentCase, gives, pay
from tests.serve.served import Rig, amount_of, payments, serving

HOSTILE = "</textarea><script>alert(1)</script><img src=x onerror=alert(2)>{{ 123457*3 }}"


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with serving(flows=[payments(), payments("refunds", risk="high", amount=amount_of)]) as rig:
        yield rig


class Page(HTMLParser):
    """A page, as far as these tests look at it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = text
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str, **having: str) -> list[dict[str, str]]:
        wanted = having.items()
        return [
            attrs for name, attrs in self.tags if name == tag and all(attrs.get(k) == v for k, v in wanted)
        ]

    def hidden(self, name: str) -> str:
        """The value of a hidden field."""
        return self.all("input", type="hidden", name=name)[0]["value"]


async def look(client: httpx.AsyncClient, path: str, status: int = 200) -> Page:
    response = await client.get(path)
    assert response.status_code == status, response.text
    return Page(response.text)


async def send(
    client: httpx.AsyncClient, path: str, page: Page, verb: str = "", /, **fields: Any
) -> httpx.Response:
    """Send a form of a page."""
    data = {"forgery_token": page.hidden("forgery_token"), **({"verb": verb} if verb else {}), **fields}
    if page.all("input", type="hidden", name="token"):
        data.setdefault("token", page.hidden("token"))
    return await client.post(path, data=data)


async def signed_in(rig: Rig, name: str, *roles: Any, **scope: Any) -> httpx.AsyncClient:
    """A browser with a session."""
    client = rig.client()
    response = await client.post("/login", data={"key": await rig.key(name, *roles, **scope)})
    assert response.status_code == 303
    return client


async def kinds(rig: Rig, case_id: str = "c1") -> list[str]:
    return [str(one.event.kind) for one in await rig.switchboard.services.store.story(case_id)]


async def go_on(rig: Rig) -> None:
    """Let ten seconds pass and wait until the decided cases have gone on, whoever drives them."""
    rig.clock.advance(10)
    await Ticker(rig.switchboard).tick()
    async with asyncio.timeout(20):
        while await under_way(rig):  # noqa: ASYNC110 - tasks of the server drive them, and tell nobody
            await asyncio.sleep(0)


async def under_way(rig: Rig) -> bool:
    store = rig.switchboard.services.store
    rows = await store.cases(status=["running", "waiting"], limit=None)
    asked = {review.case_id for review in await store.inbox(InboxQuery(limit=1000))}
    return any(row.case_id not in asked for row in rows)


# -- the list --------------------------------------------------------------------------------


async def test_the_inbox_says_who_waits_for_what(rig: Rig) -> None:
    """What came in, why a person is asked, of which kind, how risky, for which group, and since when."""
    review = await rig.case()
    await rig.case("c2", "refunds")
    rig.clock.advance(7200)
    page = await look(rig.client(), "/")
    for words in ("two chairs", "a person is asked", "by hand", "by propose", "medium risk", "high risk"):
        assert words in page.text
    assert "accounts" in page.text and "2 h" in page.text and "20.00" in page.text
    assert page.all("a", href=f"/reviews/{review}")
    assert len(page.all("input", type="checkbox")) == 1  # of high risk there is none to tick


async def test_the_inbox_is_filtered_searched_and_paged(rig: Rig) -> None:
    """Each filter has a link with a number; pages go on where the last one ended."""
    for number in range(55):
        await rig.case(f"c{number}")
    await rig.case("odd-one", "refunds")
    client = rig.client()
    first = await look(client, "/")
    assert len(first.all("li")) > 50 and "odd-one" not in first.text.split("<main")[1].split("data-review")[1]
    [link] = first.all("a", rel="next")
    second = await look(client, link["href"])
    found = [one["data-review"] for one in second.all("li") if "data-review" in one]
    assert len(found) == 6
    risky = await look(client, "/?risk=high")
    assert [one for one in risky.all("li") if "data-review" in one] and "c1/" not in risky.text
    assert len([one for one in risky.all("li") if "data-review" in one]) == 1
    searched = await look(client, "/?q=odd-one")
    assert len([one for one in searched.all("li") if "data-review" in one]) == 1
    nothing = await look(client, "/?q=nobody-wrote-this&risk=low")
    assert "Nothing waits that fits" in nothing.text


@pytest.mark.parametrize(
    "path", ["/?q=%00", "/?q=%ED%A0%80", "/?risk=no", "/?flow=<b>", "/?days=x", "/figures?days=1e9"]
)
async def test_a_strange_address_is_no_fault(rig: Rig, path: str) -> None:
    """Whatever stands in the address, the page is one."""
    await look(rig.client(), path)


# -- one review ---------------------------------------------------------------------------------


async def test_a_review_shows_what_is_to_be_decided(rig: Rig) -> None:
    """What came in, the draft with its form, why, the story, and every verb there is."""
    review = await rig.case()
    page = await look(rig.client(), f"/reviews/{review}")
    for words in (
        "two chairs",
        "What came in",
        "Payment, to decide on",
        "by propose, who saw order",
        "a person is asked",
    ):
        assert words in page.text
    assert page.all("input", name="edited.amount", value="20.0", type="number")
    verbs = {one.get("value") for one in page.all("button", name="verb")}
    assert verbs == {"approve", "edit", "reject", "escalate", "claim"}
    assert (await look(rig.client(), "/reviews/rv-none", 404)).text


async def test_a_decision_is_held_taken_back_and_made_again(rig: Rig) -> None:
    """After approving, the inbox offers to take it back; after ten seconds the case goes on."""
    review, client = await rig.case(), rig.client()
    path = f"/reviews/{review}"
    page = await look(client, path)
    done = await send(client, path, page, "approve")
    assert (done.status_code, done.headers["location"]) == (303, f"/?done={review}")
    inbox = await look(client, done.headers["location"])
    assert "Take it back" in inbox.text and (await rig.switchboard.case("c1")).status == "waiting"
    back = await send(client, path, inbox, "undo", token="")
    assert back.headers["location"] == path
    again = await look(client, path)
    assert (await send(client, path, again, "reject", message="too dear")).status_code == 303
    rig.clock.advance(10)
    late = await send(client, path, inbox, "undo", token="")
    assert late.status_code == 409 and "too late" in late.text
    await Ticker(rig.switchboard).tick()
    view = await rig.switchboard.case("c1")
    assert view.status == "declined" and "too dear" in str(view.row.reason)
    assert {"review_held", "review_undone", "review_refused", "review_decided"} <= set(await kinds(rig))


async def test_an_edit_is_judged_by_the_contract_beside_each_field(rig: Rig) -> None:
    """What was typed stays; the error stands at its field and is said to those who do not see it."""
    review, client = await rig.case(), rig.client()
    path = f"/reviews/{review}"
    page = await look(client, path)
    fields = {"edited.amount": "-7", "edited.currency": '"EUR"', "edited.confidence": "often"}
    refused = await send(client, path, page, "edit", **fields)
    assert refused.status_code == 422
    shown = Page(refused.text)
    [amount] = shown.all("input", name="edited.amount")
    assert amount["value"] == "-7" and amount["aria-invalid"] == "true"
    assert shown.all("p", id=amount["aria-describedby"]) and "greater than 0" in refused.text
    [sure] = shown.all("input", name="edited.confidence")
    assert sure["value"] == "often" and "valid number" in refused.text
    assert (await rig.switchboard.reviews())[0].review_id == review
    good = {**fields, "edited.amount": "7.5", "edited.confidence": "1"}
    assert (await send(client, path, shown, "edit", **good)).status_code == 303
    await go_on(rig)
    [paid] = await rig.switchboard.services.store.outbox()
    assert paid.row["amount"] == 7.5


async def test_the_second_is_told_who_was_first(rig: Rig) -> None:
    """Two who have the same page open: the second click says who decided, and changes nothing."""
    review = await rig.case()
    ann, bob = await signed_in(rig, "ann", "reviewer"), await signed_in(rig, "bob", "reviewer")
    path = f"/reviews/{review}"
    pages = await look(ann, path), await look(bob, path)
    assert (await send(ann, path, pages[0], "reject", message="no")).status_code == 303
    second = await send(bob, path, pages[1], "approve")
    assert second.status_code == 409 and "Ann decided first: reject" in second.text
    row = await rig.switchboard.services.store.review(review)
    assert row is not None and row.decided_by == "ann"


async def test_what_changed_since_it_was_shown_is_shown_again(rig: Rig) -> None:
    """With an old token nothing is decided; the page comes back as it is now."""
    review, client = await rig.case(), rig.client()
    page = await look(client, f"/reviews/{review}")
    stale = await send(client, f"/reviews/{review}", page, "approve", token="0" * 64)
    assert stale.status_code == 409 and "has changed since it was shown" in stale.text


async def test_a_viewer_looks_and_does_not_decide(rig: Rig) -> None:
    """No button is offered; a form sent all the same is refused with 403, and that is on the record."""
    review = await rig.case()
    viewer, reviewer = await signed_in(rig, "vera", "viewer"), await signed_in(rig, "ann", "reviewer")
    page = await look(viewer, f"/reviews/{review}")
    assert not page.all("button", name="verb") and "who may read and not decide" in page.text
    token = (await look(reviewer, f"/reviews/{review}")).hidden("token")
    own = (await look(viewer, "/cases")).text  # the forgery token is the session's own
    forgery = re.search(r'name="forgery_token" value="(\w+)"', own)
    assert forgery
    for verb in ("approve", "claim", "escalate", "edit"):
        sent = {"forgery_token": forgery[1], "verb": verb, "token": token, "edited.amount": "3"}
        answer = await viewer.post(f"/reviews/{review}", data=sent)
        assert answer.status_code == 403, verb
    assert (await kinds(rig)).count("review_refused") == 4
    bulk = await viewer.post("/", data={"forgery_token": forgery[1], "review": review})
    assert bulk.status_code == 303 and "approved=0" in bulk.headers["location"]
    assert len(await rig.switchboard.reviews()) == 1


async def test_a_form_from_elsewhere_decides_nothing(rig: Rig) -> None:
    """Without the page's own token, or from another origin, a form is refused."""
    review = await rig.case()
    ann = await signed_in(rig, "ann", "reviewer")
    for extra in ({}, {"forgery_token": "0" * 64}):
        answer = await ann.post(f"/reviews/{review}", data={"verb": "approve", **extra})
        assert answer.status_code == 403
    page = await look(ann, f"/reviews/{review}")
    foreign = await ann.post(
        f"/reviews/{review}",
        data={"verb": "approve", "forgery_token": page.hidden("forgery_token")},
        headers={"origin": "https://evil.example"},
    )
    assert foreign.status_code == 403 and len(await rig.switchboard.reviews()) == 1


async def test_reviews_are_claimed_taken_over_and_handed_on(rig: Rig) -> None:
    """Who looks at it is told to the others; escalating moves it to another group and leaves it open."""
    review = await rig.case()
    ann, bob = await signed_in(rig, "ann", "reviewer"), await signed_in(rig, "bob", "reviewer")
    path = f"/reviews/{review}"
    await send(ann, path, await look(ann, path), "claim")
    page = await look(bob, path)
    assert "ann is looking" in page.text and "Take over" in page.text
    await send(bob, path, page, "claim")
    assert "bob is looking" in (await look(ann, "/")).text
    assert len([one for one in (await look(bob, "/?mine=1")).all("li") if "data-review" in one]) == 1
    answer = await send(bob, path, await look(bob, path), "escalate", to="leads", message="not mine")
    assert answer.status_code == 303
    assert "waits for <strong>leads" in (await look(bob, answer.headers["location"])).text


async def test_two_people_approve_on_the_page(rig: Rig) -> None:
    """The first is told that one more must; a second look tells them that they have done their part."""
    async with serving(flows=[payments(people=2)]) as rig:
        review = await rig.case()
        ann, bob = await signed_in(rig, "ann", "reviewer"), await signed_in(rig, "bob", "reviewer")
        path = f"/reviews/{review}"
        answer = await send(ann, path, await look(ann, path), "approve")
        assert "1 more must" in (await look(ann, answer.headers["location"])).text
        assert "you have approved it; 1 more must" in (await look(ann, path)).text
        page = await look(bob, path)
        assert "1 of 2 people approved (ann)" in page.text
        edited = {"edited.amount": "9", "edited.currency": '"EUR"', "edited.confidence": "1"}
        await send(bob, path, page, "edit", **edited)
        page = await look(ann, path)
        assert "bob proposed instead" in page.text
        assert (await send(ann, path, page, "approve")).status_code == 303
        await go_on(rig)
        [paid] = await rig.switchboard.services.store.outbox()
        assert paid.row["amount"] == 9


async def test_several_are_approved_at_once_of_one_kind_only(rig: Rig) -> None:
    """Ticked ones of one kind are approved; of two kinds, or of high risk, none is."""
    reviews = [await rig.case(f"c{number}") for number in range(3)]
    risky = await rig.case("c9", "refunds")
    client = rig.client()
    page = await look(client, "/")
    for wrong in ([*reviews, risky], [risky], []):
        answer = await send(client, "/", page, review=wrong)
        assert answer.status_code == 422
    assert len(await rig.switchboard.reviews()) == 4
    answer = await send(client, "/", page, review=reviews)
    assert answer.headers["location"] == "/?approved=3"
    assert "3 approved" in (await look(client, answer.headers["location"])).text
    await go_on(rig)
    assert len(await rig.switchboard.services.store.outbox()) == 3


# -- cases and figures ------------------------------------------------------------------------------


async def test_a_case_shows_the_way_that_it_took(rig: Rig) -> None:
    """The drawing with the path, every step with what went in and came out, and the whole as JSON."""
    await rig.case("batch/7")
    client = rig.client()
    page = await look(client, "/cases/batch/7")
    assert 'class="sb-drawing"' in page.text and "sb-here" in page.text and "<style" not in page.text
    for words in ("Step by step", "asks a person", "propose", "two chairs", "It waits for a person"):
        assert words in page.text
    raw = (await client.get("/cases/batch/7?as=json")).json()
    assert raw["case"]["case_id"] == "batch/7" and raw["story"] and raw["reviews"]
    await look(client, "/cases/nobody", 404)
    listed = await look(client, "/cases?q=batch/")
    assert listed.all("a", href="/cases/batch/7")
    assert "No case fits" in (await look(client, "/cases?status=finished")).text


async def test_only_an_operator_takes_a_case_up_again(rig: Rig) -> None:
    """A viewer has no button, and is refused; the operator's is told."""
    await rig.switchboard.start("payments", {"order": {"text": "two chairs"}}, case_id="c1")
    viewer, operator = await signed_in(rig, "vera", "viewer"), await signed_in(rig, "olga", "operator")
    page = await look(operator, "/cases/c1")
    assert page.all("form", action="/operate/resume/c1")
    mine = await look(viewer, "/cases/c1")
    assert not mine.all("form", action="/operate/resume/c1")
    forgery = {"forgery_token": mine.hidden("forgery_token")}
    assert (await viewer.post("/operate/resume/c1", data=forgery)).status_code == 403
    answer = await send(operator, "/operate/resume/c1", page)
    assert answer.status_code == 303 and "done=resume" in answer.headers["location"]
    assert (await rig.switchboard.case("c1")).status == "waiting"


async def test_the_figures_tell_how_it_goes(rig: Rig) -> None:
    """Waiting, decided, the median time, and how much was approved unchanged, by agent."""
    first, second = await rig.case("c1"), await rig.case("c2")
    await rig.case("c3")
    rig.clock.advance(timedelta(hours=2))
    await rig.switchboard.decide(first, {"type": "approve"}, by="ann")
    await rig.switchboard.decide(second, {"type": "edit", "edited": {"amount": 3}}, by="ann")
    page = await look(rig.client(), "/figures?days=30")
    assert "50 %" in page.text and "2 h" in page.text and "propose" in page.text
    assert page.all("meter") and page.all("a", href="/figures?days=90")


# -- what every page holds to -------------------------------------------------------------------------


async def every_page(rig: Rig, client: httpx.AsyncClient) -> dict[str, Page]:
    review = await rig.case("c<1>")
    paths = ["/", "/?q=" + HOSTILE.replace("&", ""), f"/reviews/{review}", "/cases", "/cases/c<1>",
             "/figures", "/cases?q=<b>", "/?approved=<b>&refused=<i>", "/cases/c<1>?done=<i>x"]  # fmt: skip
    pages = {path: await look(client, path) for path in paths}
    form = {"edited.amount": HOSTILE, "edited.currency": HOSTILE, "edited.confidence": HOSTILE}
    refused = await send(client, f"/reviews/{review}", pages[f"/reviews/{review}"], "edit", **form)
    pages["refused"] = Page(refused.text)
    reason = await send(
        client, f"/reviews/{review}", pages[f"/reviews/{review}"], "reject", message=HOSTILE, token="x"
    )
    pages["stale"] = Page(reason.text)
    pages["login"] = await look(client, "/login?then=" + HOSTILE)
    return pages


async def test_what_people_and_models_write_is_shown_and_never_run(rig: Rig) -> None:
    """Tickets, reasons, names and answers full of HTML come out as text, on every page."""
    hostile = {"order": {"text": HOSTILE}}
    await rig.switchboard.run("payments", hostile, case_id=f"x{HOSTILE}", labels={"note": HOSTILE})
    for path, page in (await every_page(rig, rig.client())).items():
        assert not page.all("img", src="x"), path
        assert all("nonce" in one for one in page.all("script")), path
        assert "370371" not in page.text, path


async def test_no_page_needs_what_the_policy_forbids(rig: Rig) -> None:
    """No style and no handler stands in a page; every script carries the nonce of its own answer."""
    client = rig.client()
    for path, page in (await every_page(rig, client)).items():
        for tag, attrs in page.tags:
            assert "style" not in attrs and tag != "style", path
            assert not [name for name in attrs if name.startswith("on")], path
            assert not attrs.get("href", "").startswith(("javascript:", "http")), path
    answer = await client.get("/")
    nonce = re.search(r"nonce-([\w-]+)", answer.headers["content-security-policy"])
    assert nonce and Page(answer.text).all("script", nonce=nonce[1])


async def test_every_page_can_be_used_without_seeing_it(rig: Rig) -> None:
    """One heading, one main, a title, a name for every field and landmark, and errors that are said."""
    for path, page in (await every_page(rig, rig.client())).items():
        assert len(page.all("h1")) == 1 and len(page.all("main")) == 1 and page.all("title"), path
        assert page.all("html", lang="en") and page.all("meta", name="viewport"), path
        ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
        assert len(ids) == len(set(ids)), path
        labelled = {attrs.get("for") for attrs in page.all("label")}
        for tag in ("input", "textarea", "select"):
            for attrs in page.all(tag):
                free = attrs.get("type") in ("hidden", "checkbox") or "aria-label" in attrs
                assert free or attrs.get("id") in labelled, (path, attrs)
        for nav in page.all("nav"):
            assert nav.get("aria-label"), path


async def test_an_auditor_reads_without_personal_data(rig: Rig) -> None:
    """What a ticket says of people is taken out of every page that an auditor opens."""
    order = {"order": {"text": "Write to jane.doe@example.org, card 4111 1111 1111 1111"}}
    await rig.switchboard.run("payments", order, case_id="c1")
    [review] = await rig.switchboard.reviews()
    auditor, ann = await signed_in(rig, "audrey", "auditor"), await signed_in(rig, "ann", "reviewer")
    for path in ("/", f"/reviews/{review.review_id}", "/cases", "/cases/c1", "/cases/c1?as=json"):
        text = (await auditor.get(path)).text
        assert "jane.doe" not in text and "4111 1111" not in text, path
    assert "jane.doe" in (await ann.get(f"/reviews/{review.review_id}")).text


async def test_an_operator_cancels_a_case_for_a_reason(rig: Rig) -> None:
    """It ends as declined and its question is asked no more; without a reason nothing happens."""
    review = await rig.case()
    operator, ann = await signed_in(rig, "olga", "operator"), await signed_in(rig, "ann", "reviewer")
    page = await look(operator, "/cases/c1")
    assert (await send(operator, "/operate/cancel/c1", page, why=" ")).status_code == 422
    assert (await send(ann, "/operate/cancel/c1", await look(ann, "/"), why="no")).status_code == 403
    answer = await send(operator, "/operate/cancel/c1", page, why="the customer rang")
    assert answer.status_code == 303
    after = await look(operator, answer.headers["location"])
    assert "declined" in after.text and "cancelled by olga: the customer rang" in after.text
    assert not after.all("form", action="/operate/cancel/c1")
    assert "olga decided: cancelled" in (await look(ann, f"/reviews/{review}")).text


async def test_a_dead_letter_is_redone_from_its_page() -> None:
    """The page says where it could not go on; an operator has it done again, or lets it be."""
    broken = Blueprint("payments", case=PaymentCase, owner="accounts")
    broken.step(gives(RuntimeError("no paper")), name="propose", then="pay", retry=Retry(attempts=1))
    broken.effect(pay, then=END)
    async with serving(flows=[broken]) as rig:
        await rig.switchboard.run("payments", {"order": {"text": "two chairs"}}, case_id="c1")
        operator = await signed_in(rig, "olga", "operator")
        page = await look(operator, "/cases/c1")
        assert "It could not go on at" in page.text and "no paper" in page.text
        answer = await send(operator, "/operate/redrive/c1", page)
        assert answer.status_code == 303
        page = await look(operator, "/cases/c1")
        assert "olga has it done again" in page.text
        answer = await send(operator, "/operate/discard/c1", page, why="too old")
        assert answer.status_code == 303
        assert "olga lets it be: too old" in (await look(operator, "/cases/c1")).text
