"""The whole way, as somebody new goes it: start the server with the demo cases, open the inbox, decide."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from langgraph_switchboard import Switchboard
from tests.browser.conftest import DESK, PHONE, aside, shoot
from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.pg, pytest.mark.server, pytest.mark.browser]

START = "import sys; from langgraph_switchboard.cli.app import main; sys.argv[0] = 'switchboard'; main()"
EDITED = "Dear customer, a person has read this. We look into it today."


@contextmanager
def demo(dsn: str) -> Iterator[str]:
    """`switchboard serve --demo` in a process of its own; its address."""
    clean = {
        name: text for name, text in os.environ.items() if not name.startswith(("SWITCHBOARD", "OPENAI"))
    }
    process = subprocess.Popen(
        [sys.executable, "-c", START, "serve", "--demo", "--port", "0"],
        cwd=REPOSITORY,
        env={**clean, "SWITCHBOARD_DATABASE_URL": dsn, "NO_COLOR": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    errors: list[str] = []
    reader = threading.Thread(target=lambda: errors.extend(process.stderr or ()))
    reader.start()
    try:
        line = process.stdout.readline()
        assert "The inbox is on http://127.0.0.1:" in line, "".join(errors)
        yield line.split()[-1]
    finally:
        process.terminate()
        process.wait(60)
        reader.join()
        process.stdout.close()
        process.stderr.close()


def wait_for_text(page: Page, url: str, selector: str, text: str) -> None:
    """Load a page until it says something: the server is at work, and it is a page like any other."""
    for _ in range(600):
        page.goto(url)
        if page.locator(selector, has_text=text).count():
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"{text!r} is not on {url}: {page.locator('main').inner_text()}")


def test_from_the_demo_to_a_reply_that_is_sent(chromium: Browser, pg_dsn: str) -> None:
    """Tickets come in, one waits for a person, who edits the reply; that one leaves, and no other."""
    with demo(pg_dsn) as url:
        page = chromium.new_page(viewport={"width": DESK[0], "height": DESK[1]})
        wait_for_text(page, url, ".review .why", "a refund")
        shoot(page, "demo-inbox")
        page.goto(f"{url}/?q=refund")
        page.locator(".review .open", has=page.locator(".why", has_text="a refund")).first.click()
        for words in ("Why a person is asked", "What came in", "Reply, to decide on", "What it rests on"):
            expect(page.get_by_role("heading", name=words)).to_be_visible()
        expect(page.locator(".source mark").first).to_be_visible()  # the sentences that it took
        expect(page.locator(".reply mark").first).to_be_visible()
        shoot(page, "demo-review")
        case_id = page.locator(".crumbs a").nth(1).inner_text()

        page.keyboard.press("e")
        page.get_by_label("Text").first.fill(EDITED)
        page.get_by_label("Confidence").fill("1")
        shoot(page, "demo-edit")
        page.get_by_role("button", name="Save and go on").click()
        expect(page.locator(".notice.held")).to_contain_text("edit")
        shoot(page, "demo-held")

        case = f"{url}/cases/{case_id}"
        wait_for_text(page, case, ".head .status-finished", "finished")
        expect(page.locator(".sb-drawing .sb-taken").first).to_be_visible()
        expect(page.get_by_text(re.compile("into the outbox")).first).to_be_visible()
        shoot(page, "demo-case")
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        shoot(page, "demo-case-phone")
        page.goto(f"{url}/figures")
        expect(page.get_by_text("Approved unchanged").first).to_be_visible()
        shoot(page, "demo-figures-phone")
        page.close()

        async def sent() -> list[str]:
            async with Switchboard.open(pg_dsn) as switchboard:
                rows = await switchboard.services.store.outbox(case_id)
            return [str(row.row) for row in rows]

        [reply] = aside(sent())
        assert EDITED in reply
