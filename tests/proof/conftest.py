"""One nursery for all proofs: its processes are forked from one that has imported everything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from langgraph_switchboard.testing.proofs import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with Nursery.open() as nursery:
        yield nursery
