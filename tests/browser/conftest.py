"""A real browser on real pages: Chromium without a screen, and a server of the test's own."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from langgraph_switchboard import Switchboard
from langgraph_switchboard.cases.access import Role, Scope
from langgraph_switchboard.cases.keys import new_key
from langgraph_switchboard.nodes import utc_now
from tests.browser.flows import letters
from tests.conftest import REPOSITORY
from tests.serve.listening import listening, serving_flows

T = TypeVar("T")

SCREENSHOTS = REPOSITORY / "build" / "screenshots"
DESK, PHONE = (1280, 800), (390, 844)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium of the machine, without a screen.

    Not for the whole session: while it is open it has the loop of this thread, and no asynchronous
    test of another module could run.
    """
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium here: install the Debian package `chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Desk:
    """A served flow, and browsers that look at it.

    Args:
        url: Where it is.
        dsn: Its database.
        chromium: The browser.
        requests: Every address that a page asked for.
        faults: What pages complained of: errors of scripts, and of the policy.
    """

    url: str
    dsn: str
    chromium: Browser
    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def browser(self, key: str = "", *, size: tuple[int, int] = DESK, **options: Any) -> Page:
        """A page in a browser of its own; signed in, where a key is given."""
        width, height = size
        context = self.chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(15_000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        if key:
            page.goto(f"{self.url}/login")
            page.get_by_label("Key or token").fill(key)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(f"{self.url}/")
        return page

    def key(self, name: str, *roles: Role) -> str:
        """A new key for somebody."""

        async def make() -> str:
            async with Switchboard.open(self.dsn) as switchboard:
                key, text = new_key(name, frozenset(roles), Scope(), by="root", at=utc_now())
                await switchboard.house.access.add_key(key, text)
                return text

        return aside(make())

    def case(self, text: str, case_id: str, draft: str = "") -> str:
        """A case that has come to its review; the review's id."""

        async def run() -> str:
            async with Switchboard.open(self.dsn, flows=[letters]) as switchboard:
                letter = {"letter": {"text": text, "draft": draft, "sender": "C-1007"}}
                await switchboard.run(letters, letter, case_id=case_id)
                [review] = await switchboard.services.store.reviews(case_id=case_id)
                return review.review_id

        return aside(run())

    def with_store(self, look: Callable[[Switchboard], Coroutine[Any, Any, T]]) -> T:
        """What a look into the database says."""

        async def do() -> T:
            async with Switchboard.open(self.dsn, flows=[letters]) as switchboard:
                return await look(switchboard)

        return aside(do())


def aside(work: Coroutine[Any, Any, T]) -> T:
    """Do something asynchronous beside the browser, which has the loop of this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@pytest.fixture
def desk(chromium: Browser, pg_dsn: str) -> Iterator[Desk]:
    """The letters, served over a database of their own."""
    with listening(lambda: serving_flows(pg_dsn, letters)) as url:
        desk = Desk(url, pg_dsn, chromium)
        yield desk
        for context in desk.contexts:
            context.close()
        foreign = [one for one in desk.requests if not one.startswith((url, "data:"))]
        assert not foreign, "a page asked for something outside"


def shoot(page: Page, name: str) -> Path:
    """Keep what the page looks like, for people to judge."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path)
    return path
