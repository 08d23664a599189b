"""The desk's router: trained once, kept where it can be, never in the way."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from contracts.support import Ticket
from langgraph_switchboard.routing.training import load_groups, load_labelled
from nodes import router
from nodes.high_stakes import is_high_stakes

QUESTION = "How do I change my PIN?"


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """A few labelled tickets, so that training takes no time."""
    said = {"change_pin": "how can i change the pin", "exchange_rate": "what is the rate for dollars"}
    rows = [
        {"text": f"{text} {number}", "topic": topic, "department": "account"}
        for topic, text in said.items()
        for number in range(6)
    ]
    path = tmp_path / "labelled.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


async def test_the_router_is_trained_once_however_many_ask() -> None:
    """Tickets that come at the same moment share one training."""
    before = router.desk_cascade.cache_info().misses
    routes = await asyncio.gather(*(router.decide(QUESTION) for _ in range(8)))
    assert router.desk_cascade.cache_info().misses - before <= 1
    assert {route.topic for route in routes} == {"change_pin"}


def test_a_trained_router_is_kept_in_the_home(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next process reads it instead of training again."""
    monkeypatch.setenv("SWITCHBOARD_HOME", str(tmp_path))
    router.desk_cascade(labelled)
    assert len(list((tmp_path / "routers").glob("*.npz"))) == 1


async def test_a_home_that_cannot_keep_the_router_is_no_reason_to_stop(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a cache each process trains for itself."""
    (tmp_path / "routers").write_text("a file where the folder should be")
    monkeypatch.setenv("SWITCHBOARD_HOME", str(tmp_path))
    assert (await router.desk_cascade(labelled).route(QUESTION)).label == "account"


def test_a_missing_home_is_left_missing(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The home belongs to whoever starts Postgres; the router does not make it."""
    monkeypatch.setenv("SWITCHBOARD_HOME", str(tmp_path / "none"))
    router.desk_cascade(labelled)
    assert not (tmp_path / "none").exists()


@pytest.mark.data
async def test_hardly_any_high_stakes_message_passes_router_and_rule(data_dir: Path) -> None:
    """On messages that nobody here wrote, with the topic as the router sees it, not as it is."""
    folder = data_dir / "banking77"
    wanted = set(json.loads((folder / "desk_map.json").read_text(encoding="utf-8"))["high_stakes"])
    rows = [json.loads(line) for line in (folder / "test.jsonl").read_text(encoding="utf-8").splitlines()]
    seen = [
        is_high_stakes(Ticket(id=row["id"], text=row["text"]), await router.decide(row["text"])) is not None
        for row in rows
        if row["intent"] in wanted
    ]
    assert sum(seen) / len(seen) >= 0.97


@pytest.mark.data
async def test_in_plain_form_the_desk_routes_strangers_messages_as_well_as_before(data_dir: Path) -> None:
    """What helps with sums and days costs nothing on messages that nobody here wrote."""
    folder = data_dir / "banking77"
    groups = load_groups(folder / "desk_map.json")
    rows = load_labelled(folder / "test.jsonl", topic="intent", groups=groups)
    routes = [await router.decide(row.text) for row in rows]
    label = sum(one.label == row.group for one, row in zip(routes, rows, strict=True)) / len(rows)
    topic = sum(one.topic == row.topic for one, row in zip(routes, rows, strict=True)) / len(rows)
    alone = sum(one.by == "classifier" for one in routes) / len(rows)
    print(f"\nthe desk on {len(rows):,} messages: label {label:.3f}, topic {topic:.3f}, {alone:.1%} sure")
    assert label >= 0.935
    assert topic >= 0.80
