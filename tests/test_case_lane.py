"""The lane: what leaves together, and who is told what."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from langgraph_switchboard.cases.lane import Lane
from langgraph_switchboard.errors import StoreError, StoreUnavailable


@dataclass(frozen=True)
class Parcel:
    key: str
    size: int = 1


class Sender:
    """Takes batches as a store would: refuses what holds a bad parcel, and waits while it is held up."""

    def __init__(self, *, bad: str = "", error: Exception | None = None) -> None:
        self.batches: list[str] = []
        self.sent: list[str] = []
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self._bad = bad
        self._error = error

    async def __call__(self, batch: Sequence[Parcel]) -> None:
        keys = "".join(one.key for one in batch)
        self.batches.append(keys)
        self.begun.set()
        await self.go_on.wait()
        if self._error:
            raise self._error
        if self._bad and self._bad in keys:
            raise StoreError("a bad parcel")
        self.sent.append(keys)


async def put_all(lane: Lane[Parcel], parcels: Sequence[Parcel]) -> list[BaseException | None]:
    return await asyncio.gather(*(lane.put(one) for one in parcels), return_exceptions=True)


async def test_the_batch_under_way_is_the_window_in_which_the_next_gathers() -> None:
    """Whoever comes while a batch is sent leaves with the next one, and not before."""
    sender = Sender()
    lane = Lane(sender)
    sender.go_on.clear()
    first = asyncio.create_task(put_all(lane, [Parcel("a"), Parcel("b")]))
    await sender.begun.wait()
    later = [asyncio.create_task(lane.put(Parcel(key))) for key in "cde"]
    await asyncio.sleep(0)
    assert not first.done() and sender.batches == ["ab"]
    sender.go_on.set()
    await asyncio.gather(first, *later)
    assert sender.batches == ["ab", "cde"]


async def test_one_key_leaves_in_order_and_once_per_batch() -> None:
    """Two parcels of one key never share a batch; the first leaves first."""
    sender = Sender()
    assert await put_all(Lane(sender), [Parcel(key) for key in "abaca"]) == [None] * 5
    assert sender.batches == ["abc", "a", "a"]


async def test_a_batch_is_bounded_in_number_and_weight() -> None:
    """A parcel that is heavier than a batch may be goes alone, and overtakes nobody of its key."""
    sender = Sender()
    await put_all(Lane(sender, most=3, heaviest=10), [Parcel(key) for key in "abcd"])
    await put_all(Lane(sender, heaviest=10), [Parcel("e", 6), Parcel("f", 5), Parcel("g", 99), Parcel("h")])
    assert sender.batches == ["abc", "d", "eh", "f", "g"]


async def test_who_is_to_blame_fails_alone() -> None:
    """A refused batch is halved until the bad parcel stands alone."""
    sender = Sender(bad="f")
    told = await put_all(Lane(sender), [Parcel(key) for key in "abcdefgh"])
    assert [isinstance(one, StoreError) for one in told] == [key == "f" for key in "abcdefgh"]
    assert sorted("".join(sender.sent)) == list("abcdegh")


@pytest.mark.parametrize("error", [StoreUnavailable("gone"), RuntimeError("a bug")])
async def test_where_nobody_is_to_blame_all_are_told(error: Exception) -> None:
    """An unreachable store is not asked eight times over; the lane works on afterwards."""
    sender = Sender(error=error)
    lane = Lane(sender)
    assert await put_all(lane, [Parcel(key) for key in "abcd"]) == [error] * 4
    assert sender.batches == ["abcd"]
    sender._error = None
    assert await put_all(lane, [Parcel("e")]) == [None]


async def test_a_caller_who_left_holds_nobody_up() -> None:
    """Cancelled before its batch: not sent. Cancelled while it is sent: the others are told all the same."""
    sender = Sender()
    lane = Lane(sender)
    sender.go_on.clear()
    under_way = [asyncio.create_task(lane.put(Parcel(key))) for key in "ab"]
    await sender.begun.wait()
    queued = [asyncio.create_task(lane.put(Parcel(key))) for key in "cd"]
    await asyncio.sleep(0)
    under_way[0].cancel()
    queued[0].cancel()
    sender.go_on.set()
    told = await asyncio.gather(*under_way, *queued, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in told] == [True, False, True, False]
    assert sender.sent == ["ab", "d"]


async def test_when_the_driver_is_cancelled_nobody_waits_for_ever() -> None:
    """At the end of a loop everybody who still waits is let go."""
    sender = Sender()
    lane = Lane(sender)
    sender.go_on.clear()
    waiting = [asyncio.create_task(lane.put(Parcel(key))) for key in "aa"]
    await sender.begun.wait()
    assert lane._driver is not None
    lane._driver.cancel()
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in told] == [asyncio.CancelledError] * 2
