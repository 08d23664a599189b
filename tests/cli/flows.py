"""A small flow for the command line: quick to run, asks a person about questions, strikes where told."""

import os
import signal
from contextlib import suppress
from itertools import count
from pathlib import Path

from pydantic import Field

from langgraph_switchboard import END, Blueprint, CaseState, Contract, Decision, StepContext
from langgraph_switchboard.routing.decision import Route

STRIKE = "SMALL_FLOW_STRIKES"
"""Setting: "kill 40" ends this process with SIGKILL while the 40th case is answered."""

_called = count(1)


class Message(Contract):
    """What somebody wrote."""

    id: str = Field(min_length=1)
    text: str = Field(min_length=1, max_length=20_000)


class Reply(Contract):
    """What we say."""

    text: str = Field(min_length=1)
    confidence: float = Field(ge=0, le=1)


class ReplyDecision(Decision):
    """What a person said about it."""

    edited: Reply | None = None


class Sent(Contract):
    """It has left."""

    key: str


class SmallCase(CaseState):
    """One message."""

    message: Message
    route: Route | None = None
    reply: Reply | None = None
    decision: ReplyDecision | None = None
    sent: Sent | None = None


async def sort_out(message: Message) -> Route:
    """Questions are for ask, the rest is for tell."""
    label = "ask" if "?" in message.text else "tell"
    return Route(agent=label, label=label, confidence=0.9, by="rule", reason="its last sign")


async def tell(message: Message) -> Reply:
    """Say it back."""
    _strike()
    return Reply(text=f"You said: {message.text[:50]}", confidence=0.9)


async def ask(message: Message) -> Reply:
    """Say that we do not know."""
    return Reply(text=f"We do not know: {message.text[:50]}", confidence=0.2)


async def send(message: Message, reply: Reply, ctx: StepContext) -> Sent:
    """Put the reply into the outbox."""
    return Sent(key=ctx.outbox("reply", {"to": message.id, "text": reply.text}))


def by_hand(message: str, draft: Reply | None) -> Reply:
    """A reply in a person's own words."""
    return Reply(text=message, confidence=1.0)


def _strike() -> None:
    what, _, when = os.environ.get(STRIKE, "").partition(" ")
    if not what or next(_called) != int(when):
        return
    if what == "disk":
        _fill(Path(os.environ["SWITCHBOARD_HOME"]) / "ballast")
    elif what == "postgres":
        pid_file = Path(os.environ["SWITCHBOARD_HOME"]) / "data" / "postmaster.pid"
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
    else:
        os.kill(os.getpid(), {"kill": signal.SIGKILL, "interrupt": signal.SIGINT}[what])


def _fill(ballast: Path) -> None:
    """Write until the disk is full."""
    with ballast.open("wb", buffering=0) as file:
        for size in (1_000_000, 4_096):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


small = Blueprint("small", case=SmallCase, version=1, owner="tests")
small.supervise("sort_out", sort_out, agents=[tell, ask], unsure=ask, threshold=0.5)
small.step(tell, then="gate")
small.step(ask, then="gate")
small.gate("gate", of="reply", threshold=0.8, sure=send, unsure="review")
small.review("review", of="reply", decides=ReplyDecision, then=send, within="4h", responds=by_hand)
small.effect(send, then=END)


JAM = "SMALL_FLOW_JAM"
"""Setting: while it is set, nothing is sent."""


async def push(message: Message, reply: Reply, ctx: StepContext) -> Sent:
    """Send it, unless the machine is jammed."""
    if os.environ.get(JAM):
        raise RuntimeError("the machine is jammed")
    return await send(message, reply, ctx)


jams = Blueprint("jams", case=SmallCase, version=1, owner="tests")
jams.step(tell, then=push)
jams.effect(push, then=END)


class Number(Contract):
    """An input without a text."""

    value: int


class NumberCase(CaseState):
    """One number."""

    number: Number
    reply: Reply | None = None


async def spell(number: Number) -> Reply:
    """Say it in digits."""
    return Reply(text=str(number.value), confidence=1.0)


numbers = Blueprint("numbers", case=NumberCase, version=1, owner="tests")
numbers.step(spell, then=END)
