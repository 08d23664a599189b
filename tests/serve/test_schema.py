"""Schemathesis makes up requests from our own OpenAPI document; every answer is as the document says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

import tests.serve.bridge  # noqa: F401 - before the first object is made up
from langgraph_switchboard import Switchboard
from langgraph_switchboard.serve.api import OPENAPI
from langgraph_switchboard.serve.app import create_app
from langgraph_switchboard.serve.settings import ServeSettings
from tests.serve.listening import listening
from tests.serve.served import payments

pytestmark = pytest.mark.server

# Without the phase that is made up while tests are collected: it would cost every run half a minute.
config = schemathesis.Config.from_dict({"phases": {"coverage": {"enabled": False}}})
schema = schemathesis.openapi.from_dict(OPENAPI, config=config).exclude(operation_id="stream_events")
"""A stream of events does not end by itself; it has tests of its own."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server with three cases that wait."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Switchboard]:
        async with Switchboard.open("memory", flows=[payments()]) as switchboard:
            for number in range(3):
                await switchboard.run("payments", {"order": {"text": "a chair"}}, case_id=f"c{number}")
            yield switchboard

    with listening(lambda: create_app(opened, settings=ServeSettings())) as url:
        yield url


@schema.parametrize()
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_the_description_says(case: schemathesis.Case, address: str) -> None:
    """No server error, no status or shape that is not described; what does not fit is refused."""
    # What fits the description may still name a flow or a place that is not there: 422.
    case.call_and_validate(base_url=address, excluded_checks=[positive_data_acceptance])
