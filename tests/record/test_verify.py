"""Verification: whatever is changed behind the triggers is found, and nothing else is."""

from __future__ import annotations

import pytest

from langgraph_switchboard.cases.audit import seal, verify
from langgraph_switchboard.postgres import Pool
from tests.record.entries import behind_the_triggers, entries, insert, rows

pytestmark = pytest.mark.pg

CASES = ["c1", "c2", "Zoë"]
TASKS = ["t1", "t2", "t3", "t4", "t5"]

THIRD = "case_id = 'c2' and task_id = 't3'"
OF_THIRD = f"place = (select place from switchboard.ledger where {THIRD})"


async def kinds(pool: Pool) -> set[str]:
    return {finding.kind for finding in (await verify(pool)).findings}


@pytest.fixture
async def pool(pg_pool: Pool) -> Pool:
    """A ledger of three cases, sealed in the middle and at the end."""
    await insert(pg_pool, entries(CASES, TASKS[:2]))
    await seal(pg_pool)
    await insert(pg_pool, entries(CASES, TASKS[2:]))
    await seal(pg_pool)
    return pg_pool


async def test_an_untouched_ledger_of_a_thousand_cases_verifies_clean(pg_pool: Pool) -> None:
    """The control of all that follows: no finding without a cause, whatever text or numbers are in it."""
    names = [f"case {number:04} é" for number in range(1_000)]
    for task in ("t1", "t2", "t3"):
        await insert(pg_pool, entries(names, [task]))
        await seal(pg_pool)
    result = await verify(pg_pool)
    assert (result.cases, result.entries, result.erased, result.roots) == (1_000, 3_000, 0, 3)
    assert result.holds and result.findings == ()
    assert (await verify(pg_pool, "case 0007 é")).entries == 3


@pytest.mark.parametrize(
    ("finding", "tampering"),
    [
        (
            "payload_changed",
            f"update switchboard.ledger set data = data || '{{\"cost_usd\": 0}}' where {THIRD}",
        ),
        ("payload_changed", f"update switchboard.ledger set moves = '{{}}' where {THIRD}"),
        (
            "payload_changed",
            f"update switchboard.ledger set salt = uuid_send(gen_random_uuid()) where {THIRD}",
        ),
        ("chain_broken", f"update switchboard.ledger set at = at + interval '1 microsecond' where {THIRD}"),
        ("chain_broken", f"update switchboard.ledger set kind = 'gated' where {THIRD}"),
        ("chain_broken", f"update switchboard.ledger set step = 'faq' where {THIRD}"),
        ("chain_broken", f"update switchboard.ledger set seconds = coalesce(seconds, 0) + 1 where {THIRD}"),
        ("chain_broken", f"update switchboard.ledger set ordinal = 1 where {THIRD}"),
        ("chain_broken", "update switchboard.ledger_chain set hash = sha256('') where number = 3"),
        ("chain_broken", f"update switchboard.ledger_chain set digest = sha256('') where {OF_THIRD}"),
        ("entry_missing", f"delete from switchboard.ledger where {THIRD}"),
        ("entry_missing", f"delete from switchboard.ledger_chain where {OF_THIRD}"),
        ("entry_unchained", f"delete from switchboard.ledger_chain where {OF_THIRD}"),
        ("root_broken", "update switchboard.ledger_roots set at = at - interval '1 day' where root = 1"),
        ("root_broken", "delete from switchboard.ledger_roots where root = 1"),
        ("root_broken", "delete from switchboard.ledger_roots where root = 2"),
        ("root_broken", "delete from switchboard.ledger_seals where case_id = 'c2' and root = 2"),
        ("chain_rewritten", "update switchboard.ledger_seals set hash = sha256('') where case_id = 'c2'"),
        (
            "erasure_unrecorded",
            "update switchboard.ledger set data = null, moves = null, salt = null, erased_at = now(),"
            f" erased_by = 'nobody' where {THIRD}",
        ),
    ],
)
async def test_a_change_is_found(pool: Pool, finding: str, tampering: str) -> None:
    """One row changed, added or taken away by somebody who may switch triggers off."""
    assert (await verify(pool)).holds
    async with behind_the_triggers(pool) as connection:
        assert (await connection.execute(tampering)).rowcount > 0
    assert finding in await kinds(pool)


async def test_a_hole_in_the_middle_is_found(pool: Pool) -> None:
    """Also where the entry and its link are both gone."""
    async with behind_the_triggers(pool) as connection:
        await connection.execute(f"delete from switchboard.ledger_chain where {OF_THIRD}")
        await connection.execute(f"delete from switchboard.ledger where {THIRD}")
    (finding,) = (await verify(pool)).findings
    assert (finding.kind, finding.case_id, finding.number) == ("entry_missing", "c2", 3)


@pytest.mark.parametrize(
    ("table", "columns", "twins"),
    [
        ("ledger_chain", "place", "(a.number, b.number) in ((3, 4), (4, 3))"),
        ("ledger", "data, salt", "(a.task_id, b.task_id) in (('t3', 't4'), ('t4', 't3'))"),
    ],
)
async def test_two_entries_that_changed_places_are_found(
    pool: Pool, table: str, columns: str, twins: str
) -> None:
    """The payloads are all there, in another order."""
    theirs = ", ".join(f"b.{column}" for column in columns.split(", "))
    async with behind_the_triggers(pool) as connection:
        swapped = await connection.execute(
            f"update switchboard.{table} a set ({columns}) = row({theirs}) from switchboard.{table} b"
            f" where a.case_id = 'c2' and b.case_id = 'c2' and {twins}"
        )
        assert swapped.rowcount == 2
    assert "entries_reordered" in await kinds(pool)


async def cut_off(pool: Pool, from_number: int, case_id: str = "c2") -> None:
    """Take the end of a chain away, entries and links."""
    async with behind_the_triggers(pool) as connection:
        await connection.execute(
            "with cut as (delete from switchboard.ledger_chain where case_id = %s and number >= %s"
            " returning case_id, place) delete from switchboard.ledger l using cut"
            " where l.case_id = cut.case_id and l.place = cut.place",
            [case_id, from_number],
        )


async def test_a_chain_that_was_cut_off_is_found_by_its_root(pool: Pool) -> None:
    """The chain itself holds: without the seals (the control) nobody sees that it is too short."""
    await cut_off(pool, from_number=4)
    (finding,) = (await verify(pool)).findings
    assert (finding.kind, finding.case_id, finding.number) == ("tail_missing", "c2", 5)
    async with behind_the_triggers(pool) as connection:
        await connection.execute("truncate switchboard.ledger_seals, switchboard.ledger_roots")
    assert (await verify(pool)).holds


async def test_a_case_that_vanished_is_found_by_its_root(pool: Pool) -> None:
    """All of it: ledger and chain."""
    await cut_off(pool, from_number=1)
    assert await kinds(pool) == {"tail_missing"}


async def forge(pool: Pool) -> None:
    """Change the third entry, and compute all hashes from there on anew, as somebody who knows how."""
    async with behind_the_triggers(pool) as connection:
        await connection.execute(f"update switchboard.ledger set data = '{{\"cost_usd\": 0}}' where {THIRD}")
        await connection.execute("delete from switchboard.ledger_chain where case_id = 'c2'")
        await connection.execute(
            "insert into switchboard.ledger_chain select case_id, number, place, digest,"
            " switchboard.chained('', switchboard.ledger_link(case_id, number, namespace, task_id, ordinal,"
            " place, kind, step, at, seconds, digest)) over (order by number)"
            " from (select *, switchboard.payload_digest(salt, data, moves) as digest,"
            " row_number() over (order by place) as number from switchboard.ledger where case_id = 'c2') n"
        )


async def test_a_chain_that_was_written_anew_is_found_by_its_root(pool: Pool) -> None:
    """Every hash fits, and still it is not what was sealed; the first root, before the change, is content."""
    await forge(pool)
    (finding,) = (await verify(pool)).findings
    assert (finding.kind, finding.case_id, finding.number) == ("chain_rewritten", "c2", 5)


async def test_a_root_kept_elsewhere_finds_a_ledger_written_anew_with_its_roots(pool: Pool) -> None:
    """The forger seals again; only who kept the old root sees it, and without it (the control) nobody."""
    kept = (await seal(pool)).hash.hex()
    assert (await verify(pool, root=kept)).holds
    await forge(pool)
    async with behind_the_triggers(pool) as connection:
        await connection.execute("truncate switchboard.ledger_seals, switchboard.ledger_roots")
    await seal(pool)
    assert (await verify(pool)).holds
    assert {finding.kind for finding in (await verify(pool, root=kept)).findings} == {"root_unknown"}


async def test_a_seal_covers_only_what_moved(pool: Pool) -> None:
    """A root without news covers no case; the next one covers the case that went on."""
    assert (await seal(pool)).cases == 0
    await insert(pool, entries(["c1"], ["t6"]))
    root = await seal(pool)
    assert (root.root, root.cases, root.entries) == (4, 1, 1)
    assert await rows(pool, "select case_id, number from switchboard.ledger_seals where root = 4") == [
        ("c1", 6)
    ]
    assert (await verify(pool)).holds


async def test_settings_of_a_session_change_no_hash(pool: Pool) -> None:
    """Another time zone, shorter floats, other spellings of bytes and intervals: the chain is the same."""
    async with pool.connection() as connection, connection.transaction():
        for setting in (
            "timezone = 'Asia/Kathmandu'",
            "extra_float_digits = -15",
            "bytea_output = 'escape'",
            "datestyle = 'SQL, DMY'",
        ):
            await connection.execute(f"set local {setting}")
        await insert(connection, entries(["c9"], TASKS))
    assert (await verify(pool)).holds


async def test_many_findings_are_counted_and_the_first_are_told(pg_pool: Pool) -> None:
    """A ledger in ruins does not fill the memory of who verifies it."""
    await insert(pg_pool, entries([f"c{number}" for number in range(1_100)], ["t1"]))
    async with behind_the_triggers(pg_pool) as connection:
        await connection.execute("update switchboard.ledger set data = '{}'")
    result = await verify(pg_pool)
    assert (result.damage, len(result.findings)) == (1_100, 1_000)
