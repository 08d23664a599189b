"""`switchboard cases | case | reviews | decide | resume`: what people ask and answer."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.padding import Padding

from langgraph_switchboard.cases import STATUSES, ReviewRow
from langgraph_switchboard.cli.project import flow_references, login_name
from langgraph_switchboard.cli.run import report_broken
from langgraph_switchboard.cli.screen import listing, out, print_json, program, run_async, say
from langgraph_switchboard.cli.story import fields, story
from langgraph_switchboard.errors import DecisionMalformed, InputRefused, ReviewUnknown
from langgraph_switchboard.switchboard import CaseView, Switchboard

FlowOption = Annotated[str | None, typer.Option("--flow", help="The flow, as module:name.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
LimitOption = Annotated[int, typer.Option(min=1, help="At most so many.")]


def cases(
    status: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(STATUSES)}; repeat for several.")
    ] = None,
    batch: Annotated[str | None, typer.Option(help="Only those of this batch.")] = None,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List cases, newest first."""
    wrong = [one for one in status or [] if one not in STATUSES]
    if wrong:
        raise InputRefused(
            "there is no such status", wanted=f"one of {', '.join(STATUSES)}", came=", ".join(wrong)
        )

    async def show() -> None:
        async with Switchboard.open() as switchboard:
            store, labels = switchboard.services.store, {"batch": batch} if batch else None
            rows = await store.cases(status=status or [], labels=labels, limit=limit)
            counts = await store.counts(labels=labels)
        if as_json:
            print_json([asdict(row) for row in rows])
            return
        table = listing("case", "status", "step", "reason", "since", prose="reason")
        for row in rows:
            table.add_row(row.case_id, row.status, row.step, row.reason or "", _ago(row.updated_at))
        if rows:
            out.print(table)
        say(", ".join(f"{n:,} {name}" for name, n in counts.items() if n) or "no cases yet")

    run_async(show())


def case(
    case_id: Annotated[str, typer.Argument(help="The case, as `switchboard cases` lists it.")],
    full: Annotated[bool, typer.Option("--full", help="Show texts whole.")] = False,
    flow: FlowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell a case's story step by step."""

    async def show() -> None:
        async with Switchboard.open(flows=flow_references(flow)) as switchboard:
            view = await switchboard.case(case_id)
        if as_json:
            print_json(_case_json(view))
            return
        for part in story(view, width=min(out.width, 110), full=full):
            out.print(part)

    run_async(show())


def reviews(
    review_id: Annotated[str | None, typer.Argument(help="Show this review whole.")] = None,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List the reviews that wait for a person, the longest first; or show one."""

    async def show() -> None:
        async with Switchboard.open() as switchboard:
            if review_id is not None:
                _show_review(_found(await switchboard.services.store.review(review_id), review_id), as_json)
                return
            rows = await switchboard.reviews(limit=limit)
            waiting = (await switchboard.services.store.counts())["waiting"]
        if as_json:
            print_json([asdict(row) for row in rows])
            return
        table = listing("review", "case", "why", "waits", "due", prose="why")
        for row in rows:
            table.add_row(row.review_id, row.case_id, row.reason, _ago(row.opened_at), _due(row.due_at))
        if not rows:
            say("no case waits for a person")
            return
        out.print(table)
        more = f" ({len(rows):,} shown; --limit shows more)" if waiting > len(rows) else ""
        say(f"{waiting:,} cases wait{more}")
        say(f"show one whole: {program()} reviews {rows[0].review_id}")
        say(f"decide it:      {program()} decide {rows[0].review_id} approve")

    run_async(show())


def decide(
    review_id: Annotated[str, typer.Argument(help="The review, as `switchboard reviews` lists it.")],
    decision: Annotated[str, typer.Argument(help="approve, edit, reject or respond.")],
    message: Annotated[str, typer.Option("--message", "-m", help="The reason, or the answer itself.")] = "",
    edit: Annotated[
        str | None, typer.Option(help='JSON of the fields to change: \'{"text": "..."}\'. The rest stays.')
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who decides; your login name unless given.")] = None,
    flow: FlowOption = None,
) -> None:
    """Decide a review, and let the case go on."""
    who = by or login_name()

    async def do() -> None:
        async with Switchboard.open(flows=flow_references(flow)) as switchboard:
            row = _found(await switchboard.services.store.review(review_id), review_id)
            answer: dict[str, Any] = {"type": decision, "message": message}
            if edit is not None:
                answer["edited"] = {**(row.shown.get(row.subject) or {}), **_object(edit)}
            case = await switchboard.decide(review_id, answer, by=who, digest=row.digest)
        out.print(f"{who} decides: {decision}. The case {case.case_id} is {case.status}.", markup=False)

    run_async(do())


def resume(
    case_id: Annotated[str | None, typer.Argument(help="Only this case.")] = None,
    flow: FlowOption = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="How many cases at a time.")] = 32,
) -> None:
    """Go on with every case that broke off: after a crash, a restart, a lost database."""

    async def go_on() -> bool:
        async with Switchboard.open(flows=flow_references(flow)) as switchboard:
            if case_id is not None:
                row = await switchboard.resume(case_id)
                out.print(f"The case {row.case_id} is {row.status}.", markup=False)
                return True
            named = switchboard.flow(flow).name if flow else None
            broken = await switchboard.resume_all(flow=named, concurrency=concurrency)
            counts = await switchboard.services.store.counts()
        out.print(", ".join(f"{n:,} {name}" for name, n in counts.items() if n) or "no cases yet")
        report_broken(broken)
        return not broken

    if not run_async(go_on()):
        raise typer.Exit(1)


def _show_review(row: ReviewRow, as_json: bool) -> None:
    if as_json:
        print_json(asdict(row))
        return
    out.print(f"{row.review_id}  case {row.case_id}  {row.status}, since {_ago(row.opened_at)}", markup=False)
    out.print(f"Why: {row.reason}", style="yellow", markup=False)
    for name, payload in row.shown.items():
        title = f"{name} (to decide on)" if name == row.subject else name
        out.print(f"\n{title}", style="bold", markup=False)
        out.print(Padding(fields(payload, full=True, told=("opinions",)), (0, 0, 0, 2)))
    if row.status == "decided":
        out.print(f"\nDecided by {row.decided_by}: {(row.decision or {}).get('type')}", markup=False)
    else:
        answers = "approve | edit --edit '{...}' | reject -m why | respond -m text"
        say(f"\n{program()} decide {row.review_id} {answers}")


def _found(row: ReviewRow | None, review_id: str) -> ReviewRow:
    if row is None:
        raise ReviewUnknown(
            f"there is no review {review_id!r}", mend="`switchboard reviews` lists those that wait."
        )
    return row


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise DecisionMalformed("--edit is no JSON", came=error.msg, mend="The review stays open.") from None
    if not isinstance(value, dict):
        raise DecisionMalformed(
            "--edit is no JSON object", wanted='{"field": value}', mend="The review stays open."
        )
    return value


def _case_json(view: CaseView) -> dict[str, Any]:
    return {
        "case": asdict(view.row),
        "state": view.state.model_dump(mode="json"),
        "story": [asdict(entry) for entry in view.story],
        "reviews": [asdict(review) for review in view.reviews],
    }


def _ago(moment: datetime) -> str:
    return _length(datetime.now(UTC) - moment)


def _due(moment: datetime | None) -> str:
    if moment is None:
        return ""
    left = moment - datetime.now(UTC)
    return f"in {_length(left)}" if left > timedelta() else f"overdue by {_length(-left)}"


def _length(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
