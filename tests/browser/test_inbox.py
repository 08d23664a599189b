"""The inbox in a real browser: several people, keys alone, no script at all, and letters that attack."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from langgraph_switchboard import Switchboard
from tests.browser.conftest import DESK, PHONE, Desk, shoot

pytestmark = [pytest.mark.pg, pytest.mark.server, pytest.mark.browser]

HOSTILE = (
    "</textarea></script><script>window.hacked = 1; alert(1)</script>"
    "<img src=x onerror=\"window.hacked = 2\"><svg onload='window.hacked = 3'>"
    "<a href=\"javascript:window.hacked = 4\">click</a> ' onfocus=window.hacked=5 autofocus x='"
)


SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


async def sent(switchboard: Switchboard) -> list[str]:
    return [str(row.row["text"]) for row in await switchboard.services.store.outbox()]


def is_sent(desk: Desk, page: Page, case_id: str) -> None:
    """Wait until the case page says that it is finished; the server drives it when its time is over."""
    for _ in range(60):
        page.goto(f"{desk.url}/cases/{case_id}")
        if page.locator(".head .status-finished").count():
            return
        page.wait_for_timeout(100)
    raise AssertionError(page.locator(".head").inner_text())


def test_a_person_edits_and_the_edit_is_sent(desk: Desk) -> None:
    """Bad edits are told beside their fields with the words kept; the good one is what leaves."""
    desk.case("Where is my parcel?", "c1")
    page = desk.browser()
    page.goto(desk.url)
    page.get_by_role("link", name=re.compile("Where is my parcel")).click()
    page.get_by_text("Edit", exact=False).first.click()
    page.get_by_label("Text").first.fill("Hi")
    page.get_by_label("Confidence").fill("1.5")
    page.get_by_label("Stamps").fill("12")
    page.get_by_role("button", name="Save and go on").click()
    for words in ("at least 5 characters", "less than or equal to 1", "less than or equal to 9"):
        expect(page.locator(".error", has_text=words)).to_be_visible()
    expect(page.get_by_label("Text").first).to_have_value("Hi")
    expect(page.get_by_label("Text").first).to_have_attribute("aria-invalid", "true")
    shoot(page, "bad-edit")

    page.get_by_label("Text").first.fill("It leaves today.\nWith our regards.")
    page.get_by_label("Confidence").fill("1")
    page.get_by_label("Stamps").fill("2")
    page.get_by_label("Tags").fill("polite\nparcel")
    page.get_by_role("button", name="Save and go on").click()
    expect(page.locator(".notice.held")).to_contain_text("edit")
    is_sent(desk, page, "c1")
    page.get_by_text("post", exact=True).first.wait_for()
    assert desk.with_store(sent) == ["It leaves today.\nWith our regards."]


def test_two_people_look_at_one_review(desk: Desk) -> None:
    """What ann decides is told on bob's screen without his asking; his click all the same comes second."""
    review = desk.case("Where is my parcel?", "c1")
    ann, bob = (desk.browser(desk.key(name, "reviewer")) for name in ("ann", "bob"))
    list_of_bob = desk.browser(desk.key("bo", "reviewer"))
    for page in (ann, bob):
        page.goto(f"{desk.url}/reviews/{review}")
    stale = bob.context.new_page()
    stale.route("**/api/events*", lambda route: route.abort())  # one that hears of nothing
    stale.goto(f"{desk.url}/reviews/{review}")
    expect(list_of_bob.locator(f"[data-review={review}]")).to_be_visible()

    ann.get_by_role("button", name="Approve").click()
    expect(ann.locator(".notice.held")).to_contain_text("ann: approve")
    expect(bob.locator("[data-live]")).to_contain_text("ann decided first: approve")
    expect(bob.get_by_role("button", name="Approve")).to_be_hidden()
    expect(list_of_bob.locator(f"[data-review={review}]")).to_have_class(re.compile("gone"))
    expect(list_of_bob.locator("[data-waiting]")).to_have_text("0")
    shoot(bob, "second")

    stale.get_by_role("button", name="Approve").click()
    expect(stale.get_by_role("alert").first).to_contain_text("Ann decided first: approve")
    is_sent(desk, ann, "c1")
    assert desk.with_store(sent) == ["Thank you for your letter."]


def test_keys_alone_will_do(desk: Desk) -> None:
    """Down the list, open, approve, take back, reject; and a window that says which keys there are."""
    for number in range(3):
        desk.case(f"Letter {number}", f"c{number}")
    page = desk.browser()
    page.goto(desk.url)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("next, previous review")
    shoot(page, "keys")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".review.at .title")).to_have_text("Letter 1")
    page.keyboard.press("k")
    expect(page.locator(".review.at .title")).to_have_text("Letter 0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Letter 0")
    page.keyboard.press("a")
    expect(page.locator(".notice.held")).to_contain_text("approve")
    page.keyboard.press("u")
    expect(page.locator("article.one")).to_have_attribute("data-status", "open")
    page.keyboard.press("r")
    page.keyboard.type("not like this")
    expect(page.get_by_label("Reason")).to_have_value("not like this")
    page.get_by_label("Reason").press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".notice.held")).to_contain_text("reject")
    page.keyboard.press("/")
    expect(page.get_by_label("Search the reviews")).to_be_focused()


def test_it_works_without_a_script(desk: Desk) -> None:
    """Everything but what is live: search, open, edit, decide, take back."""
    desk.case("Where is my parcel?", "c1")
    page = desk.browser(java_script_enabled=False)
    page.goto(desk.url)
    page.get_by_label("Search the reviews").fill("parcel")
    page.get_by_label("Search the reviews").press("Enter")
    page.get_by_role("link", name=re.compile("Where is my parcel")).click()
    page.locator("details[data-key=w] > summary").click()
    page.get_by_label("Your own words").fill("It is on its way.")
    page.get_by_role("button", name="Answer so").click()
    page.get_by_role("button", name="Take it back").click()
    page.get_by_role("button", name="Approve").click()
    is_sent(desk, page, "c1")
    assert desk.with_store(sent) == ["Thank you for your letter."]


def test_a_stolen_cookie_opens_nothing(desk: Desk) -> None:
    """In another browser it is of no use, and from then on in none: whoever lost it signs in again."""
    desk.case("Where is my parcel?", "c1")
    owner = desk.browser(desk.key("ann", "reviewer"))
    [cookie] = [one for one in owner.context.cookies() if "switchboard" in one.get("name", "")]
    assert cookie["httpOnly"] and cookie["sameSite"] in ("Lax", "Strict")
    assert owner.evaluate("document.cookie") == ""
    thief = desk.browser(user_agent="Mozilla/5.0 (a thief)")
    thief.context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": desk.url}])
    thief.goto(desk.url)
    expect(thief.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert "parcel" not in thief.content()
    owner.goto(desk.url)
    expect(owner.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_viewer_cannot_decide(desk: Desk) -> None:
    """No button is there; a form made by hand is refused with 403, and the record says who tried."""
    review = desk.case("Where is my parcel?", "c1")
    page = desk.browser(desk.key("vera", "viewer"))
    page.goto(f"{desk.url}/reviews/{review}")
    expect(page.get_by_text("You cannot decide this")).to_be_visible()
    assert page.get_by_role("button", name="Approve").count() == 0
    page.goto(f"{desk.url}/cases/c1")
    token = page.locator("input[name=forgery_token]").first.get_attribute("value") or ""
    answer = page.request.post(
        f"{desk.url}/reviews/{review}",
        form={"verb": "approve", "forgery_token": token},
        headers={"origin": desk.url, "sec-fetch-site": "same-origin"},
    )
    assert answer.status == 403

    async def refused(switchboard: Switchboard) -> list[str]:
        story = await switchboard.services.store.story("c1")
        return [one.event.data["by"] for one in story if one.event.kind == "review_refused"]

    assert desk.with_store(refused) == ["vera"]


def test_hostile_letters_run_nothing(desk: Desk) -> None:
    """HTML from outside and from a model is text on every page; no script of theirs runs."""
    review = desk.case(HOSTILE, "c1", HOSTILE)
    page = desk.browser()
    page.on("dialog", lambda dialog: desk.faults.append(f"dialog {dialog.message}"))
    for path in ("/", f"/reviews/{review}", "/cases", "/cases/c1", "/figures", "/?q=" + "%3Cscript%3E"):
        page.goto(desk.url + path)
        assert page.evaluate("window.hacked") is None, path
        assert page.locator("img[src=x], svg[onload], a[href^=javascript]").count() == 0, path
    page.goto(f"{desk.url}/reviews/{review}")
    page.locator("details[data-key=e] > summary").click()
    expect(page.get_by_label("Text").first).to_have_value(HOSTILE)
    page.get_by_role("button", name="Save and go on").click()
    expect(page.locator(".notice.held")).to_be_visible()
    page.goto(f"{desk.url}/cases/c1")
    for summary in page.locator(".timeline > li > details > summary").all():
        summary.click()
    assert page.evaluate("window.hacked") is None
    assert desk.faults == []


def test_every_page_fits_its_screen(desk: Desk) -> None:
    """Nothing is cut off or scrolls sideways, and the script has nothing to complain of."""
    review = desk.case("Where is my parcel? " * 12, "a-case-with-quite-a-long-id-2026-03-02", "Soon. " * 60)
    paths = {
        "inbox": "/",
        "review": f"/reviews/{review}",
        "cases": "/cases",
        "edit": f"/reviews/{review}#key-e",
        "case": "/cases/a-case-with-quite-a-long-id-2026-03-02",
        "figures": "/figures",
        "api": "/api",
        "login": "/login",
    }
    for width, height in (DESK, PHONE, (320, 640)):
        page = desk.browser(size=(width, height))
        for name, path in paths.items():
            page.goto(desk.url + path)
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                shoot(page, f"{name}-{width}-{scheme}")
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} wide"
    assert desk.faults == []
