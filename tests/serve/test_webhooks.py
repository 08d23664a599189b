"""Webhooks: events sent to those who subscribed, signed, at least once, and to nobody else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from langgraph_switchboard import Switchboard
from langgraph_switchboard.cases.access import Actor
from langgraph_switchboard.cases.keys import Session
from langgraph_switchboard.cases.tail import BEGINNING
from langgraph_switchboard.cases.webhooks import Subscription, new_secret, signed, verified
from langgraph_switchboard.errors import ConfigurationError, RequestForged
from langgraph_switchboard.serve.notifier import WAITS, Notifier
from langgraph_switchboard.serve.settings import ServeSettings, must_be_allowed
from langgraph_switchboard.serve.tidying import Tidying
from langgraph_switchboard.testing import FakeClock
from langgraph_switchboard.testing.local_server import LocalServer, Request, Response
from tests.seam import ORDER
from tests.serve.served import payments

SECRET = new_secret()
KINDS = ["step_finished", "step_finished", "review_opened"]


class Receiver(LocalServer):
    """Takes what comes, and answers as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Response] = []

    def respond(self, request: Request) -> Response:
        return self.answers.pop(0) if self.answers else Response(204)

    def heard(self, clock: FakeClock) -> list[dict[str, Any]]:
        """The messages that came, each checked as a receiver should."""
        return [verified(SECRET, one.headers, one.body, clock.now()) for one in self.requests]


class Rig:
    """A switchboard on a clock of its own, a receiver, and a notifier that knows it."""

    def __init__(self, switchboard: Switchboard, clock: FakeClock, receiver: Receiver) -> None:
        self.switchboard, self.clock, self.receiver = switchboard, clock, receiver
        self.webhooks = switchboard.house.webhooks
        self.notifier = Notifier(switchboard, ServeSettings(webhooks=frozenset({receiver.url})))

    async def subscribe(self, name: str = "wh-1", *, url: str = "", **only: Any) -> None:
        """A subscription from the beginning on."""
        await self.webhooks.subscribe(
            Subscription(
                name,
                url or f"{self.receiver.url}/hook",
                SECRET,
                only.get("kinds"),
                only.get("flows"),
                self.clock.now(),
                "root",
                BEGINNING,
            )
        )


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """In memory and on Postgres."""
    dsn = "memory" if request.param == "memory" else request.getfixturevalue("pg_dsn")
    clock, flows = FakeClock(), [payments(), payments("refunds")]
    with Receiver() as receiver:
        async with Switchboard.open(dsn, flows=flows, clock=clock.now) as switchboard:
            yield Rig(switchboard, clock, receiver)


async def test_an_event_is_sent_once_it_happened_signed_and_without_what_it_is_about(rig: Rig) -> None:
    """In order, each under an id of its own; a second pass sends nothing again."""
    await rig.subscribe()
    await rig.switchboard.run("payments", ORDER, case_id="c1")
    assert await rig.notifier.work() == 3
    assert await rig.notifier.work() == 0
    heard = sorted(rig.receiver.heard(rig.clock), key=lambda one: str(one["data"]["id"]))
    assert sorted(one["type"] for one in heard) == sorted(KINDS)
    assert {one["data"]["case_id"] for one in heard} == {"c1"}
    ids = {one.headers["webhook-id"] for one in rig.receiver.requests}
    assert len(ids) == 3
    assert "two chairs" not in str([one.body for one in rig.receiver.requests])
    assert await rig.webhooks.counts() == {"wh-1": (0, 0)}


async def test_who_subscribes_to_some_hears_of_those_alone(rig: Rig) -> None:
    """By kind and by flow; what he did not want is not looked at again."""
    await rig.subscribe("wh-1", kinds=("review_opened",), flows=("refunds",))
    await rig.switchboard.run("payments", ORDER, case_id="c1")
    await rig.switchboard.run("refunds", ORDER, case_id="c2")
    assert await rig.notifier.work() == 1
    (only,) = rig.receiver.heard(rig.clock)
    assert (only["type"], only["data"]["case_id"]) == ("review_opened", "c2")


async def test_what_was_not_taken_is_sent_again_later_under_the_same_id(rig: Rig) -> None:
    """Refused, failed, redirected, cut: each waits longer; the id stays, so that a receiver knows it."""
    await rig.subscribe(kinds=("review_opened",))
    await rig.switchboard.run("payments", ORDER, case_id="c1")
    rig.receiver.answers = [
        Response(500),
        Response(302, headers={"location": f"{rig.receiver.url}/elsewhere"}),
        Response(0, ends="early"),
        Response(200),
    ]
    for wait in WAITS[:3]:
        assert await rig.notifier.work() == 0
        rig.clock.advance(wait - timedelta(seconds=1))
        assert await rig.notifier.work() == 0
        rig.clock.advance(1)
    assert await rig.notifier.work() == 1
    assert len({one.headers["webhook-id"] for one in rig.receiver.requests}) == 1
    assert {one.path for one in rig.receiver.requests} == {"/hook"}
    assert len(rig.receiver.requests) == 4


async def test_what_nobody_takes_is_given_up_after_its_last_attempt(rig: Rig) -> None:
    """Not for ever, and not in silence: it is counted."""
    await rig.subscribe(kinds=("review_opened",))
    await rig.switchboard.run("payments", ORDER, case_id="c1")
    rig.receiver.answers = [Response(503)] * 20
    for wait in (*WAITS, timedelta()):
        assert await rig.notifier.work() == 0
        rig.clock.advance(wait)
    rig.clock.advance(timedelta(days=30))
    assert await rig.notifier.work() == 0
    assert len(rig.receiver.requests) == len(WAITS) + 1
    assert await rig.webhooks.counts() == {"wh-1": (0, 1)}


async def test_a_process_that_dies_amid_sending_loses_nothing(rig: Rig) -> None:
    """What it had taken is due again after a minute, and another process sends it; meanwhile nobody does."""
    await rig.subscribe(kinds=("review_opened",))
    await rig.switchboard.run("payments", ORDER, case_id="c1")
    dead = Notifier(rig.switchboard, ServeSettings(webhooks=frozenset()))
    await dead._put_all_on_their_way()
    assert len(await rig.webhooks.take(rig.clock.now(), 10)) == 1  # and here it died
    assert await rig.notifier.work() == 0
    rig.clock.advance(61)
    assert await rig.notifier.work() == 1


async def test_two_processes_put_an_event_on_its_way_once(rig: Rig) -> None:
    """Whoever moves the place is the one; the other finds it moved."""
    await rig.subscribe()
    await rig.switchboard.run("payments", ORDER, case_id="c1")
    (seen,) = await rig.webhooks.subscriptions()
    end, now = await rig.switchboard.house.tail.end(), rig.clock.now()
    assert await rig.webhooks.enqueue(seen, {"evt_1": "{}"}, end, now) is True
    assert await rig.webhooks.enqueue(seen, {"evt_1": "{}"}, end, now) is False
    assert await rig.webhooks.counts() == {"wh-1": (1, 0)}


async def test_a_receiver_that_is_gone_is_left_alone_and_one_that_is_removed_is_forgotten(rig: Rig) -> None:
    """410 stops its subscription; the others hear on."""
    await rig.subscribe("wh-gone", kinds=("review_opened",), flows=("payments",))
    await rig.subscribe("wh-here", kinds=("review_opened",), flows=("refunds",))
    rig.receiver.answers = [Response(410)]
    await rig.switchboard.run("payments", ORDER, case_id="c1")
    await rig.notifier.work()
    await rig.switchboard.run("payments", ORDER, case_id="c2")
    await rig.switchboard.run("refunds", ORDER, case_id="c3")
    assert await rig.notifier.work() == 1
    stopped = {one.subscription_id: one.stopped_why for one in await rig.webhooks.subscriptions()}
    assert stopped == {"wh-gone": "the receiver says: gone", "wh-here": None}
    assert await rig.webhooks.unsubscribe("wh-gone") is True
    assert await rig.webhooks.unsubscribe("wh-gone") is False


async def test_what_came_to_its_end_is_forgotten_after_a_month_and_nothing_else(rig: Rig) -> None:
    """Deliveries and sessions that are over; what is on its way stays, however old it is."""
    access, tidying = rig.switchboard.house.access, Tidying()
    await rig.subscribe(kinds=("review_opened",))
    actor, now = Actor("ann", frozenset({"viewer"})), rig.clock.now()
    await access.add_session(Session("s1", actor, b"", now, now + timedelta(hours=8)), "secret")
    await rig.switchboard.run("payments", ORDER, case_id="c1")
    assert await rig.notifier.work() == 1
    rig.receiver.answers = [Response(500)] * 9
    await rig.switchboard.run("payments", ORDER, case_id="c2")
    await rig.notifier.work()
    assert await tidying.tidy(rig.switchboard, rig.clock.now()) == 0
    rig.clock.advance(timedelta(days=31))
    assert await tidying.tidy(rig.switchboard, rig.clock.now()) == 2
    assert await tidying.tidy(rig.switchboard, rig.clock.now()) == 0
    assert await rig.webhooks.counts() == {"wh-1": (1, 0)}


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://evil.example/hook",
        "http://desk.example.org/hook",
        "https://desk.example.org:444/hook",
        "https://desk.example.org@evil.example/hook",
        "https://user:word@desk.example.org/hook",
        "https://desk.example.org.evil.example/hook",
        "file:///etc/passwd",
        "//desk.example.org/hook",
        "https://[::1",
        "",
    ],
)
async def test_no_other_address_is_ever_called(rig: Rig, url: str) -> None:
    """Neither when it is added nor when something is to be sent, wherever it came from."""
    settings = ServeSettings(webhooks=frozenset({"https://desk.example.org", rig.receiver.url}))
    with pytest.raises(ConfigurationError):
        must_be_allowed(url, settings)
    await rig.subscribe(url=url or "x:")
    await rig.switchboard.run("payments", ORDER, case_id="c1")
    assert await rig.notifier.work() == 0
    assert rig.receiver.requests == []
    must_be_allowed("https://desk.example.org/hook?a=b", settings)


def test_a_receiver_takes_only_what_its_sender_signed_now() -> None:
    """Another secret, another body, another id, an old message, no signature: refused."""
    now, body = FakeClock().now(), json.dumps({"type": "review_opened"})
    headers = signed(SECRET, "evt_1-1", now, body)
    assert verified(SECRET, headers, body.encode(), now) == {"type": "review_opened"}
    rotated = {**headers, "webhook-signature": f"v1,AAAA {headers['webhook-signature']} v2,x"}
    assert verified(SECRET, rotated, body.encode(), now)
    wrong: list[tuple[str, dict[str, str], bytes, timedelta]] = [
        (new_secret(), headers, body.encode(), timedelta()),
        (SECRET, headers, body.encode() + b" ", timedelta()),
        (SECRET, {**headers, "webhook-id": "evt_2-2"}, body.encode(), timedelta()),
        (SECRET, headers, body.encode(), timedelta(minutes=6)),
        (SECRET, headers, body.encode(), -timedelta(minutes=6)),
        (SECRET, {**headers, "webhook-signature": ""}, body.encode(), timedelta()),
        (SECRET, {**headers, "webhook-signature": "v1,"}, body.encode(), timedelta()),
        (SECRET, {**headers, "webhook-timestamp": "now"}, body.encode(), timedelta()),
        (SECRET, {}, body.encode(), timedelta()),
    ]
    for secret, said, came, later in wrong:
        with pytest.raises(RequestForged):
            verified(secret, said, came, now + later)


def test_a_signature_is_what_the_standard_says() -> None:
    """The example of the Standard Webhooks specification, so that libraries of other languages agree."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = '{"test": 2432232314}'
    moment = FakeClock().now().fromtimestamp(1614265330, tz=FakeClock().now().tzinfo)
    headers = signed(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", moment, body)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
