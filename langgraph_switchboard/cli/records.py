"""`switchboard ledger ...` and `switchboard db ...`: whether the record holds, and what may go from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from langgraph_switchboard.cases.audit import seal as seal_ledger
from langgraph_switchboard.cases.audit import verify as verify_ledger
from langgraph_switchboard.cases.retention import cases_of, sizes
from langgraph_switchboard.cases.retention import erase as erase_cases
from langgraph_switchboard.cases.retention import prune as prune_checkpoints
from langgraph_switchboard.cli.project import login_name
from langgraph_switchboard.cli.screen import out, print_json, program, run_async, say
from langgraph_switchboard.errors import BlueprintError, InputRefused
from langgraph_switchboard.graphs.durations import seconds_of
from langgraph_switchboard.postgres import Database, database
from langgraph_switchboard.postgres import migrate as migrate_database
from langgraph_switchboard.postgres.migrations import applied

ledger_app = typer.Typer(no_args_is_help=True, help="Whether the record of what happened still holds.")
db_app = typer.Typer(no_args_is_help=True, help="The database: where it is, and what may go from it.")

JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of sentences.")]


@ledger_app.command()
def verify(
    case_id: Annotated[str | None, typer.Argument(help="Only this case.")] = None,
    root: Annotated[
        str | None, typer.Option(help="Hash of a root that you kept elsewhere; it must be there.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compute every hash of the ledger again; exit code 1 if anything is not as it was written."""

    async def check() -> bool:
        async with _opened() as base:
            result = await verify_ledger(base.pool, case_id, root=root)
        if as_json:
            print_json({**asdict(result), "holds": result.holds})
            return result.holds
        if result.findings:
            table = Table("case", "entry", "finding", "what it says")
            for one in result.findings:
                table.add_row(one.case_id, str(one.number or ""), one.kind, one.says)
            out.print(table)
        verdict = "the ledger holds" if result.holds else f"{result.damage:,} findings: it was changed"
        out.print(
            f"{result.cases:,} cases, {result.entries:,} entries ({result.erased:,} of them erased), "
            f"{result.roots:,} roots: {verdict}.",
            markup=False,
            highlight=False,
        )
        if result.holds and not result.roots and case_id is None:
            say(f"No root is there yet; one finds out chains that are cut off: {program()} ledger seal")
        return result.holds

    if not run_async(check()):
        raise typer.Exit(1)


@ledger_app.command()
def seal(as_json: JsonOption = False) -> None:
    """Seal the present ends of all chains under one root; keep its hash somewhere else."""

    async def do() -> None:
        async with _opened() as base:
            root = await seal_ledger(base.pool)
        if as_json:
            print_json({**asdict(root), "hash": root.hash.hex()})
            return
        out.print(root.hash.hex(), highlight=False)
        say(
            f"Root {root.root} covers {root.entries:,} new entries of {root.cases:,} cases. Kept elsewhere, "
            f"it vouches for all of them: {program()} ledger verify --root HASH"
        )

    run_async(do())


@db_app.command()
def prune(
    older_than: Annotated[str, typer.Option(help='How long ago a case ended: "30d", "12h".')] = "30d",
    everything: Annotated[
        bool, typer.Option("--all", help="The last checkpoint too, which shows how a case ended.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove old checkpoints of finished cases; the ledger stays, and so does every open case."""
    age = _age(older_than)

    async def do() -> None:
        async with _opened() as base:
            gone = await prune_checkpoints(base.pool, age, everything=everything, dry_run=dry_run)
        if as_json:
            print_json({**asdict(gone), "dry_run": dry_run})
            return
        verb = "would go" if dry_run else "are gone"
        out.print(
            f"{gone.checkpoints:,} checkpoints, {gone.writes:,} writes and {gone.blobs:,} values of "
            f"{gone.cases:,} cases {verb}: {_bytes(gone.bytes)}.",
            highlight=False,
        )
        if gone.deltas:
            say(f"{gone.deltas:,} cases were left alone: their checkpoints build on each other.")

    run_async(do())


@db_app.command()
def erase(
    case_ids: Annotated[list[str] | None, typer.Argument(help="The cases.")] = None,
    person: Annotated[
        str | None, typer.Option(help="All cases whose input says so: ticket.customer=C-1007")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Open cases too; they end as declined.")] = False,
    by: Annotated[str | None, typer.Option(help="Who erases; your login name unless given.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Erase what cases are about, everywhere; that they were, and what they cost, stays."""
    if bool(case_ids) == bool(person):
        raise InputRefused("name either cases or a person", wanted="CASE ... or --person path=value")
    who = by or login_name()

    async def do() -> None:
        async with _opened() as base:
            found = list(case_ids or []) or await cases_of(base.pool, person or "")
            if found and not yes:
                typer.confirm(
                    f"Erase {len(found):,} cases for good ({', '.join(found[:3])} ...)?", abort=True
                )
            gone = await erase_cases(base.pool, found, by=who, force=force)
        if as_json:
            print_json(asdict(gone))
            return
        out.print(
            f"{len(gone.case_ids):,} cases are erased: {gone.entries:,} entries of the ledger, "
            f"{gone.reviews:,} reviews, {gone.outbox:,} of the outbox, {gone.checkpoints:,} of checkpoints.",
            highlight=False,
        )
        if gone.ended:
            say(f"{gone.ended:,} of them were open, and are declined now.")

    run_async(do())


@db_app.command()
def migrate(as_json: JsonOption = False) -> None:
    """Bring the database up to this version."""

    async def do() -> None:
        async with database() as base:
            new = await migrate_database(base.pool)
            names = await applied(base.pool)
        if as_json:
            print_json({"applied": new, "migrations": names})
            return
        done = ", ".join(f"{number:04}" for number in new)
        out.print(f"Applied {done}." if new else f"Nothing to do: it has {names[-1]}.", highlight=False)

    run_async(do())


@db_app.command()
def where(as_json: JsonOption = False) -> None:
    """Say which database is used, what it has, and how large it is; changes nothing."""

    async def show() -> None:
        async with database() as base:
            names, tables = await applied(base.pool), await sizes(base.pool)
        if as_json:
            print_json({"where": base.where, "migrations": names, "bytes": tables})
            return
        out.print(base.where, markup=False, highlight=False, soft_wrap=True)
        out.print(f"migrations: {', '.join(names) or 'none yet'}", highlight=False)
        for table, size in tables.items():
            out.print(f"  {table:<36}{_bytes(size):>10}", highlight=False)

    run_async(show())


@asynccontextmanager
async def _opened() -> AsyncIterator[Database]:
    async with database() as base:
        await migrate_database(base.pool)
        yield base


def _age(text: str) -> timedelta:
    try:
        return timedelta(seconds=seconds_of(text, "--older-than"))
    except (BlueprintError, OverflowError):
        raise InputRefused(
            "this is no age", where="--older-than", wanted='"30d", "12h", "90m"', came=repr(text)
        ) from None


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
