"""The saver and the stock saver share their tables: each goes on where the other stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.types import Command
from psycopg import AsyncConnection, DataError, errors

from langgraph_switchboard.checkpoints import GroupCommitSaver
from langgraph_switchboard.checkpoints.rows import is_large
from langgraph_switchboard.errors import ConfigurationError, StoreClosed
from langgraph_switchboard.postgres import Pool
from tests.durable.flows import asking
from tests.durable.notes import count, rows

pytestmark = pytest.mark.pg

Make = Callable[[Pool], BaseCheckpointSaver[Any]]
SAVERS: dict[str, Make] = {"stock": AsyncPostgresSaver, "ours": GroupCommitSaver}


async def history(saver: BaseCheckpointSaver[Any], thread: str) -> list[Any]:
    """All that a thread's history tells, without what differs from run to run."""
    config: Any = {"configurable": {"thread_id": thread}}
    return [
        (
            dict(one.checkpoint["channel_values"]),
            one.metadata["source"],
            one.metadata["step"],
            sorted((channel, str(value)) for _, channel, value in one.pending_writes or []),
            one.parent_config is None,
        )
        async for one in saver.alist(config)
    ]


async def ask_and_answer(
    pool: Pool, first: str, second: str, thread: str
) -> tuple[Any, list[Any], list[Any]]:
    """Run to the question on one saver, answer on another; the result, and the history that each reads."""
    config: Any = {"configurable": {"thread_id": thread}}
    question: Any = {"asked": ""}
    stopped = await asking().compile(checkpointer=SAVERS[first](pool)).ainvoke(question, config)
    assert stopped["__interrupt__"][0].value == {"question": "May we?"}
    saver = SAVERS[second](pool)
    result = await asking().compile(checkpointer=saver).ainvoke(Command(resume="yes"), config)
    return result, await history(AsyncPostgresSaver(pool), thread), await history(saver, thread)


@pytest.mark.parametrize("second", ["stock", "ours"])
@pytest.mark.parametrize("first", ["stock", "ours"])
async def test_a_case_interrupted_on_one_saver_is_resumed_on_the_other(
    pg_pool: Pool, first: str, second: str
) -> None:
    """Four ways, the same result and the same history, whoever reads it."""
    await GroupCommitSaver(pg_pool).setup()
    result, by_stock, by_second = await ask_and_answer(pg_pool, first, second, "thread")
    plain, plain_history, _ = await ask_and_answer(pg_pool, "stock", "stock", "plain")

    def steps(told: list[Any]) -> list[Any]:
        return [(values, source, step, root) for values, source, step, _, root in told]

    assert result == plain
    assert by_stock == by_second
    assert [len(one) for one in (by_stock, plain_history)] == [5, 5]
    assert [one[1:3] for one in steps(by_stock)] == [one[1:3] for one in steps(plain_history)]
    assert by_stock[0][0]["notes"] == plain_history[0][0]["notes"] == result["notes"]


async def test_both_savers_leave_the_same_rows(pg_pool: Pool) -> None:
    """The same checkpoint and writes through both: column by column the same."""
    tables = {
        "checkpoints": "checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata",
        "checkpoint_blobs": "checkpoint_ns, channel, version, type, blob",
        "checkpoint_writes": "checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob, task_path",
    }
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {
        "text": "Grüße",
        "none": None,
        "n": 1.5,
        "list": [1],
        "model": {"a": b"x"},
    }
    checkpoint["channel_versions"] = {"text": "1.0", "list": "1.0", "model": "1.1", "gone": "1.0"}
    for name, make in SAVERS.items():
        saver = make(pg_pool)
        if name == "stock":
            await AsyncPostgresSaver(pg_pool).setup()
        config: Any = {
            "configurable": {
                "thread_id": name,
                "checkpoint_ns": "inner",
                "checkpoint_id": "before",
                "run_id": "r",
            }
        }
        written = await saver.aput(
            config, checkpoint, {"source": "loop", "step": 1}, checkpoint["channel_versions"]
        )
        await saver.aput_writes(written, [("list", [1, 2]), ("text", "x"), ("list", [3])], "task", "~path")
        await saver.aput_writes(written, [("__error__", "first")], "task")
        await saver.aput_writes(written, [("__error__", "last"), ("__interrupt__", [1])], "task")
        assert written["configurable"] == {
            "thread_id": name,
            "checkpoint_ns": "inner",
            "checkpoint_id": checkpoint["id"],
        }

    for table, columns in tables.items():
        sql = f"SELECT {columns} FROM {table} WHERE thread_id = %s ORDER BY 1, 2, 3, 4"
        ours, stock = await rows(pg_pool, sql, ["ours"]), await rows(pg_pool, sql, ["stock"])
        assert ours == stock
        assert ours


async def test_a_reader_sees_what_its_process_was_given_before(pg_pool: Pool) -> None:
    """Read-your-writes: a read waits for the thread's own writes under way; so does a delete."""
    saver = GroupCommitSaver(pg_pool)
    await saver.setup()
    config: Any = {"configurable": {"thread_id": "thread", "checkpoint_ns": ""}}
    checkpoint = empty_checkpoint()

    put = asyncio.ensure_future(saver.aput(config, checkpoint, {}, {}))
    await asyncio.sleep(0)
    found = await saver.aget_tuple(config)
    assert found is not None
    assert found.checkpoint["id"] == checkpoint["id"]
    await put

    writes = asyncio.ensure_future(saver.aput_writes(found.config, [("a", 1)], "task"))
    await asyncio.sleep(0)
    await saver.adelete_thread("thread")
    await writes
    assert await saver.aget_tuple(config) is None
    assert await count(pg_pool, "SELECT count(*) FROM checkpoint_writes") == 0


async def test_five_hundred_readers_share_a_few_queries(pg_pool: Pool) -> None:
    """Latest and by id, found and not found: each gets its own answer."""
    saver = GroupCommitSaver(pg_pool)
    await saver.setup()
    configs = []
    for n in range(100):
        config: Any = {"configurable": {"thread_id": f"t-{n}", "checkpoint_ns": ""}}
        await saver.aput(config, empty_checkpoint(), {"step": 0}, {})
        configs.append(await saver.aput(config, empty_checkpoint(), {"step": 1}, {}))
    latest: list[Any] = [{"configurable": {"thread_id": f"t-{n}"}} for n in range(400)]
    before = saver.reader.queries

    found = await asyncio.gather(*(saver.aget_tuple(config) for config in [*latest, *configs]))

    assert [one.metadata["step"] if one else None for one in found] == [1] * 100 + [None] * 300 + [1] * 100
    assert [one.config for one in found[400:] if one] == configs
    assert saver.reader.queries - before <= 6


async def test_a_key_that_cannot_be_asked_for_fails_its_own_reader(pg_pool: Pool) -> None:
    """A NUL in a thread's name: the stock saver's class of error, and whoever asks beside it is answered."""
    saver = GroupCommitSaver(pg_pool)
    await saver.setup()
    bad: Any = {"configurable": {"thread_id": "nul \x00"}}
    good: Any = {"configurable": {"thread_id": "good"}}
    with pytest.raises(DataError):
        await AsyncPostgresSaver(pg_pool).aget_tuple(bad)

    ends = await asyncio.gather(saver.aget_tuple(good), saver.aget_tuple(bad), return_exceptions=True)

    assert ends[0] is None
    assert isinstance(ends[1], DataError)


async def test_an_old_checkpoint_still_finds_what_was_sent_to_its_tasks(pg_pool: Pool) -> None:
    """Below version 4 the sends stand with the parent; both savers read them into the child."""
    saver = GroupCommitSaver(pg_pool)
    await saver.setup()
    config: Any = {"configurable": {"thread_id": "old", "checkpoint_ns": ""}}
    parent = await saver.aput(config, {**empty_checkpoint(), "v": 3}, {}, {})
    await saver.aput_writes(parent, [("__pregel_tasks", "first"), ("__pregel_tasks", "second")], "task")
    await saver.aput(parent, {**empty_checkpoint(), "v": 3}, {}, {})

    ours, stock = await saver.aget_tuple(config), await AsyncPostgresSaver(pg_pool).aget_tuple(config)

    assert ours is not None
    assert stock is not None
    assert ours.checkpoint["channel_values"] == stock.checkpoint["channel_values"]
    assert ours.checkpoint["channel_values"]["__pregel_tasks"] == ["first", "second"]
    listed = [one.checkpoint["channel_values"] async for one in saver.alist(config, limit=1)]
    assert listed == [{"__pregel_tasks": ["first", "second"]}]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("nul \x00", errors.UntranslatableCharacter), (float("nan"), errors.InvalidTextRepresentation)],
)
async def test_what_postgres_cannot_hold_fails_with_the_stock_savers_error(
    pg_pool: Pool, value: Any, expected: type[DataError]
) -> None:
    """A NUL or NaN in the state: the same class of error from both, and the other 99 calls succeed."""
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"value": value}
    poisoned: Any = {"configurable": {"thread_id": "poisoned", "checkpoint_ns": ""}}
    await GroupCommitSaver(pg_pool).setup()
    with pytest.raises(expected):
        await AsyncPostgresSaver(pg_pool).aput(poisoned, checkpoint, {}, {})

    saver = GroupCommitSaver(pg_pool)
    good: list[Any] = [{"configurable": {"thread_id": f"t-{n}", "checkpoint_ns": ""}} for n in range(99)]
    ends = await asyncio.gather(
        saver.aput(poisoned, checkpoint, {}, {}),
        *(saver.aput(config, empty_checkpoint(), {}, {}) for config in good),
        return_exceptions=True,
    )

    assert isinstance(ends[0], expected)
    assert not [end for end in ends[1:] if isinstance(end, BaseException)]
    assert await AsyncPostgresSaver(pg_pool).aget_tuple(good[98]) is not None


async def test_large_values_keep_their_order_among_small_ones(pg_pool: Pool) -> None:
    """A checkpoint of two megabytes, then a small one of the thread: the small one is committed later."""
    saver = GroupCommitSaver(pg_pool)
    await saver.setup()
    config: Any = {"configurable": {"thread_id": "thread", "checkpoint_ns": ""}}
    large = empty_checkpoint()
    large["channel_values"] = {"log": {"text": "x" * 2_000_000}}
    large["channel_versions"] = {"log": "1"}
    ended: list[str] = []

    async def put(name: str, checkpoint: Any, versions: Any) -> None:
        await saver.aput(config, checkpoint, {}, versions)
        ended.append(name)

    await asyncio.gather(put("large", large, {"log": "1"}), put("small", empty_checkpoint(), {}))

    assert ended == ["large", "small"]
    by_id: Any = {"configurable": {"thread_id": "thread", "checkpoint_id": large["id"]}}
    found = await saver.aget_tuple(by_id)
    assert found is not None
    assert found.checkpoint["channel_values"] == large["channel_values"]


def test_what_is_large_is_seen_without_serialising_it() -> None:
    """By the length of texts wherever they stand, and by the number of values."""
    assert not is_large(["short", {"a": [1, 2.5, None, "x" * 1_000]}])
    assert is_large(["x" * 70_000])
    assert is_large([{"deep": [{"deeper": b"x" * 70_000}]}])
    assert is_large([list(range(5_000))])


async def test_a_thread_of_another_loop_can_use_the_plain_methods(pg_pool: Pool) -> None:
    """`put`, `get_tuple`, `copy_thread` and `delete_for_runs` from a thread, as with the stock saver."""
    saver = GroupCommitSaver(pg_pool)
    await saver.setup()
    config: Any = {"configurable": {"thread_id": "thread", "checkpoint_ns": ""}}

    def work() -> tuple[bool, bool]:
        saver.put(config, empty_checkpoint(), {"run_id": "run"}, {})
        saver.copy_thread("thread", "copy")
        copied = saver.get_tuple({"configurable": {"thread_id": "copy"}}) is not None
        saver.delete_for_runs(["run"])
        return copied, saver.get_tuple(config) is not None

    assert await asyncio.to_thread(work) == (True, False)


async def test_blobs_that_another_run_still_needs_outlive_the_deleted_run(pg_pool: Pool) -> None:
    """Deleting a run frees only what no checkpoint that stays refers to; its children lose their parent."""
    saver = GroupCommitSaver(pg_pool)
    await saver.setup()
    config: Any = {"configurable": {"thread_id": "thread", "checkpoint_ns": ""}}
    first, second = empty_checkpoint(), empty_checkpoint()
    first["channel_values"] = {"shared": [1], "own": [2]}
    first["channel_versions"] = {"shared": "1", "own": "1"}
    second["channel_values"] = {"shared": [1]}
    second["channel_versions"] = {"shared": "1"}
    parent = await saver.aput(config, first, {"run_id": "old"}, {"shared": "1", "own": "1"})
    await saver.aput(parent, second, {"run_id": "new"}, {})

    await saver.adelete_for_runs(["old"])

    assert await rows(pg_pool, "SELECT channel FROM checkpoint_blobs") == [("shared",)]
    found = await saver.aget_tuple(config)
    assert found is not None
    assert found.checkpoint["channel_values"] == {"shared": [1]}
    assert found.parent_config is None


async def test_a_saver_opened_from_a_connection_string_closes_what_it_opened(pg_dsn: str) -> None:
    """It drains, refuses what comes later, and leaves no connection behind."""
    config: Any = {"configurable": {"thread_id": "thread", "checkpoint_ns": ""}}
    async with GroupCommitSaver.from_conn_string(pg_dsn) as saver:
        await saver.setup()
        put = asyncio.ensure_future(saver.aput(config, empty_checkpoint(), {}, {}))
        await asyncio.sleep(0)
    await put
    with pytest.raises(StoreClosed):
        await saver.aput(config, empty_checkpoint(), {}, {})
    async with await AsyncConnection.connect(pg_dsn) as conn:
        cursor = await conn.execute("SELECT count(*) FROM checkpoints")
        assert await cursor.fetchone() == (1,)


async def test_a_single_connection_is_refused(pg_dsn: str) -> None:
    """One connection never recovers once it is lost, so it is not taken."""
    async with await AsyncConnection.connect(pg_dsn) as conn:
        with pytest.raises(ConfigurationError, match="pool"):
            GroupCommitSaver(conn)  # type: ignore[arg-type]
