"""What is worth another attempt, and when: by what the clients really raise."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import openai
import pytest
from langchain_core import exceptions as langchain
from langgraph.errors import GraphInterrupt
from psycopg_pool import PoolTimeout

from langgraph_switchboard.errors import (
    AnswerCut,
    AnswerMismatch,
    BlueprintError,
    ContractViolation,
    EffectConflict,
    ModelBusy,
    ModelKeyRefused,
    ModelQuotaSpent,
    NotApproved,
    StepFailed,
    StepTimeout,
    StoreUnavailable,
    Superseded,
)
from langgraph_switchboard.nodes import Retry
from langgraph_switchboard.nodes.attempts import pause
from langgraph_switchboard.nodes.transient import asks_to_wait, may_pass

NOW = datetime(2030, 1, 1, tzinfo=UTC)
REQUEST = httpx.Request("POST", "http://127.0.0.1/v1")
ASKED_OF_OPENAI: Any = REQUEST
"""Its client may stand on another package than httpx, of the same form."""


def http(status: int, **headers: str) -> httpx.HTTPStatusError:
    response = httpx.Response(
        status, request=REQUEST, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    return httpx.HTTPStatusError(f"{status}", request=REQUEST, response=response)


def of_openai(status: int, body: object = None, **headers: str) -> openai.APIStatusError:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    response: Any = httpx.Response(status, request=REQUEST, headers=given, text=json.dumps(body))
    return openai.APIStatusError("no", response=response, body=body)


class _Elsewhere(Exception):
    """What another client raises: it has a status, and a response that calls itself false."""

    def __init__(self, status: int) -> None:
        self.response = _False(status)


class _False:
    def __init__(self, status: int) -> None:
        self.status_code = status
        self.headers = {"retry-after": "7"}

    def __bool__(self) -> bool:
        return False


WORTH: dict[str, BaseException] = {
    **{f"httpx {status}": http(status) for status in (408, 409, 425, 429, 500, 502, 503, 504, 529)},
    **{f"openai {status}": of_openai(status) for status in (408, 409, 429, 500, 503)},
    "a response that calls itself false": _Elsewhere(429),
    "openai timeout": openai.APITimeoutError(request=ASKED_OF_OPENAI),
    "openai connection": openai.APIConnectionError(request=ASKED_OF_OPENAI),
    "httpx connect": httpx.ConnectError("refused"),
    "httpx read timeout": httpx.ReadTimeout("slow"),
    "httpx pool timeout": httpx.PoolTimeout("full"),
    "no connection to Postgres is free": PoolTimeout("full"),
    "httpx read": httpx.ReadError("reset"),
    "httpx cut": httpx.RemoteProtocolError("peer closed connection"),
    "builtin timeout": TimeoutError(),
    "builtin connection": ConnectionResetError("reset"),
    "broken pipe": BrokenPipeError(),
    "name resolution": socket.gaierror(-3, "try again"),
    "our own timeout": StepTimeout("slow"),
    "a busy model": ModelBusy("429"),
    "an answer that was cut": AnswerCut("no"),
    "langchain rate": langchain.ModelRateLimitError("429"),
    "langchain timeout": langchain.ModelTimeoutError(),
    "a group of such": ExceptionGroup("two", [TimeoutError(), http(503)]),
}
NOT_WORTH: dict[str, BaseException] = {
    **{f"httpx {status}": http(status) for status in (400, 401, 403, 404, 410, 413, 422)},
    "openai 401": of_openai(401),
    "a quota that is spent": of_openai(429, {"code": "insufficient_quota"}),
    "a wrong URL": httpx.UnsupportedProtocol("gopher"),
    "a broken contract": ContractViolation("no", contract="C", by="a"),
    "a refused key": ModelKeyRefused("401"),
    "no quota": ModelQuotaSpent("429"),
    "a model that says no": ModelBusy("429", retryable=False),
    "an answer that fits not": AnswerMismatch("told once already"),
    "no approval": NotApproved("no"),
    "a failed step": StepFailed("no"),
    "a store that is away": StoreUnavailable("away"),
    "another owner": Superseded("gone"),
    "a taken key": EffectConflict("taken"),
    "a wrong blueprint": BlueprintError("no"),
    "langchain auth": langchain.ModelAuthenticationError(),
    "langchain overflow": langchain.ContextOverflowError(),
    "a question to a person": GraphInterrupt(),
    "a bug": ZeroDivisionError(),
    "a missing file": FileNotFoundError(),
    "no right to it": PermissionError(),
    "a wrong value": ValueError(),
    "a cancellation": KeyboardInterrupt(),
    "a group with a bug": ExceptionGroup("two", [TimeoutError(), ZeroDivisionError()]),
}


@pytest.mark.parametrize("error", WORTH.values(), ids=WORTH.keys())
def test_what_may_pass_is_tried_again(error: BaseException) -> None:
    """Timeouts, faults of the connection, and a server that is busy or down."""
    assert may_pass(error)


@pytest.mark.parametrize("error", NOT_WORTH.values(), ids=NOT_WORTH.keys())
def test_what_would_be_the_same_again_is_not(error: BaseException) -> None:
    """A contract, a budget, a policy, a key, a bug; nor what is no step's fault."""
    assert not may_pass(error)


def test_a_spent_limit_says_of_itself_whether_waiting_helps() -> None:
    """By its own word, as a rate that frees a place soon, or a budget that never does."""

    class RateMet(StepFailed):
        retryable = True
        retry_after = 2.5

    assert may_pass(RateMet("wait")) and asks_to_wait(RateMet("wait"), NOW) == 2.5
    assert not may_pass(StepFailed("the budget is spent"))


DATE = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
ASKED: dict[str, tuple[BaseException, float | None]] = {
    "seconds": (http(429, retry_after="12"), 12.0),
    "parts of a second": (http(503, retry_after="0.5"), 0.5),
    "a date": (http(429, retry_after=DATE), 90.0),
    "a date that has passed": (http(429, retry_after="Sat, 01 Jan 2000 00:00:00 GMT"), 0.0),
    "negative": (http(429, retry_after="-5"), 0.0),
    "absurd": (http(429, retry_after="1e12"), 1e12),
    "infinite": (http(429, retry_after="inf"), None),
    "no number": (http(429, retry_after="soon"), None),
    "nothing": (http(429), None),
    "of openai": (of_openai(429, retry_after="3"), 3.0),
    "of a model error": (ModelBusy("429", retry_after=4.0), 4.0),
    "of a response that calls itself false": (_Elsewhere(429), 7.0),
    "of a group the longest": (
        ExceptionGroup("two", [http(429, retry_after="2"), ModelBusy("x", retry_after=9)]),
        9.0,
    ),
    "of none": (TimeoutError(), None),
}


@pytest.mark.parametrize(("error", "seconds"), ASKED.values(), ids=ASKED.keys())
def test_the_other_side_may_say_when(error: BaseException, seconds: float | None) -> None:
    """Retry-After in seconds or as a date; what cannot be read asks for nothing."""
    assert asks_to_wait(error, NOW) == seconds


def test_waits_grow_up_to_a_bound() -> None:
    """2, 4, 8 ... seconds, at most the longest; what a server asks for takes their place, up to the same."""
    steady = Retry(attempts=9, longest=30.0, jitter=False)
    assert [pause(steady, failed, None) for failed in range(1, 7)] == [2, 4, 8, 16, 30, 30]
    assert pause(steady, 5_000, None) == 30, "however often it has failed"
    assert (pause(steady, 1, 12.0), pause(steady, 1, 1e12), pause(steady, 1, 0.0)) == (12.0, 30.0, 0.0)


def test_jitter_spreads_waits_between_half_and_all() -> None:
    """So that a thousand cases do not come back at the same moment."""
    waits = [pause(Retry(), 2, None) for _ in range(500)]
    assert all(2.0 <= wait <= 4.0 for wait in waits)
    assert min(waits) < 2.2 and max(waits) > 3.8
