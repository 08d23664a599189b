"""`switchboard reviews | decide`: what the inbox does, for those who live in the terminal."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.padding import Padding
from typer.core import TyperGroup

from langgraph_switchboard.cases import CaseRow, InboxQuery, ReviewRow
from langgraph_switchboard.cli.project import flow_references, login_name
from langgraph_switchboard.cli.screen import listing, out, print_json, program, run_async, say
from langgraph_switchboard.cli.story import fields
from langgraph_switchboard.errors import DecisionMalformed, ReviewUnknown
from langgraph_switchboard.switchboard import Switchboard


class _ShowsOthers(TyperGroup):
    """A group in which a word that is no command is the review that is to be shown."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that `args` begin with, or `show`."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["show", *args])


app = typer.Typer(cls=_ShowsOthers)

FlowOption = Annotated[str | None, typer.Option("--flow", help="The flow, as module:name.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
LimitOption = Annotated[int, typer.Option(min=1, help="At most so many.")]
ReviewArgument = Annotated[str, typer.Argument(help="The review, as `switchboard reviews` lists it.")]
ByOption = Annotated[str | None, typer.Option(help="Who does it; your login name unless given.")]
MessageOption = Annotated[str, typer.Option("--message", "-m", help="The reason, or the answer itself.")]
EditOption = Annotated[
    str | None, typer.Option(help='JSON of the fields to change: \'{"text": "..."}\'. The rest stays.')
]


@app.callback(invoke_without_command=True)
def reviews(
    context: typer.Context,
    search: Annotated[str, typer.Option(help="Only those with these words somewhere in them.")] = "",
    group: Annotated[str | None, typer.Option(help="Only those of this group.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only those of this kind.")] = None,
    risk: Annotated[str | None, typer.Option(help="Only those of this risk: low, medium, high.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only those that you are looking at.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those past their promise.")] = False,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List the reviews that wait for a person, the longest first; `reviews REVIEW` shows one."""
    if context.invoked_subcommand is not None:
        return
    now = datetime.now(UTC)
    query = InboxQuery(
        kind=kind, risk=risk, owner=group, words=search, limit=limit,
        assigned_to=login_name() if mine else None, overdue_at=now if overdue else None,
    )  # fmt: skip

    async def show() -> None:
        async with Switchboard.open() as switchboard:
            store = switchboard.services.store
            rows = await store.inbox(query)
            waiting = sum(one.waiting for one in await store.inbox_counts(now))
        if as_json:
            print_json([asdict(row) for row in rows])
            return
        _list(rows, waiting)

    run_async(show())


@app.command()
def show(review_id: ReviewArgument, as_json: JsonOption = False) -> None:
    """Show a review whole: why a person is asked, and what is to be decided."""

    async def do() -> None:
        async with Switchboard.open() as switchboard:
            row = _found(await switchboard.services.store.review(review_id), review_id)
        _show_review(row, as_json)

    run_async(do())


@app.command()
def decide(
    review_id: ReviewArgument,
    decision: Annotated[str, typer.Argument(help="approve, edit, reject, respond or escalate.")],
    message: MessageOption = "",
    edit: EditOption = None,
    by: Annotated[str | None, typer.Option(help="Who decides; your login name unless given.")] = None,
    flow: FlowOption = None,
) -> None:
    """Decide a review, and let the case go on."""
    who = by or login_name()

    async def do() -> None:
        async with Switchboard.open(flows=flow_references(flow)) as switchboard:
            store = switchboard.services.store
            row = _found(await store.review(review_id), review_id)
            answer: dict[str, Any] = {"type": decision, "message": message}
            if edit is not None:
                answer["edited"] = {**(row.shown.get(row.subject) or {}), **_object(edit)}
            case = await switchboard.decide(review_id, answer, by=who, digest=row.token)
            after = _found(await store.review(review_id), review_id)
        out.print(_said(who, decision, case, after), markup=False)
        if after.status == "held":
            say(f"take it back: {program()} reviews undo {review_id}")

    run_async(do())


@app.command()
def claim(review_id: ReviewArgument, by: ByOption = None, flow: FlowOption = None) -> None:
    """Say that you are looking at a review, or take it over."""
    who = by or login_name()

    async def do() -> None:
        async with Switchboard.open(flows=flow_references(flow)) as switchboard:
            before = _found(await switchboard.services.store.review(review_id), review_id)
            await switchboard.claim(review_id, by=who)
        took = before.assigned_to not in (None, who)
        said = f"{who} took it over from {before.assigned_to}." if took else f"{who} is looking at it."
        out.print(said, markup=False)

    run_async(do())


@app.command()
def release(review_id: ReviewArgument, by: ByOption = None) -> None:
    """Say that you are no longer looking at a review."""
    who = by or login_name()

    async def do() -> None:
        async with Switchboard.open() as switchboard:
            row = await switchboard.release(review_id, by=who)
        out.print(f"{row.assigned_to or 'nobody'} is looking at it.", markup=False)

    run_async(do())


@app.command()
def escalate(
    review_id: ReviewArgument,
    to: Annotated[str | None, typer.Option(help="The group; the flow's own choice unless given.")] = None,
    message: MessageOption = "",
    by: ByOption = None,
) -> None:
    """Hand a review on to another group; it stays open."""
    who = by or login_name()

    async def do() -> None:
        async with Switchboard.open() as switchboard:
            row = await switchboard.escalate(review_id, by=who, to=to, message=message)
        out.print(f"{who} handed it on. It waits for {row.owner}.", markup=False)

    run_async(do())


@app.command()
def undo(review_id: ReviewArgument, by: ByOption = None) -> None:
    """Take your decision back, as long as the case has not gone on with it."""
    who = by or login_name()

    async def do() -> None:
        async with Switchboard.open() as switchboard:
            await switchboard.undo(review_id, by=who)
        out.print(f"{who} took the decision back. The review is open.", markup=False)

    run_async(do())


def _list(rows: list[ReviewRow], waiting: int) -> None:
    table = listing("review", "case", "why", "waits", "due", prose="why")
    for row in rows:
        due = "being decided" if row.status == "held" else due_in(row.due_at)
        # Among the prose, since a narrow screen has room for the ids and little else.
        why = row.reason if row.risk == "medium" else f"{row.risk} risk: {row.reason}"
        table.add_row(row.review_id, row.case_id, why, ago(row.opened_at), due)
    if not rows:
        say("no case waits for a person")
        return
    out.print(table)
    more = f" ({len(rows):,} shown; --limit shows more)" if waiting > len(rows) else ""
    say(f"{waiting:,} reviews wait{more}")
    say(f"show one whole: {program()} reviews {rows[0].review_id}")
    say(f"decide it:      {program()} decide {rows[0].review_id} approve")


def _show_review(row: ReviewRow, as_json: bool) -> None:
    if as_json:
        print_json(asdict(row))
        return
    out.print(f"{row.review_id}  case {row.case_id}  {row.status}, since {ago(row.opened_at)}", markup=False)
    out.print(f"Why: {row.reason}", style="yellow", markup=False)
    said = [f"{row.risk} risk", f"group {row.owner}" if row.owner else "", due_in(row.due_at)]
    if row.assigned_to:
        said.append(f"{row.assigned_to} is looking at it")
    if row.people > 1:
        said.append(f"{len(row.approvals)} of {row.people} people approved")
    out.print(", ".join(filter(None, said)), style="dim", markup=False)
    for name, payload in row.shown.items():
        title = f"{name} (to decide on)" if name == row.subject else name
        out.print(f"\n{title}", style="bold", markup=False)
        out.print(Padding(fields(payload, full=True, told=("opinions",)), (0, 0, 0, 2)))
    if row.proposed:
        out.print(f"\n{', '.join(row.approved_by)} proposed instead", style="bold", markup=False)
        instead = row.proposed.get("edited") or {"answer": row.proposed.get("message")}
        out.print(Padding(fields(instead, full=True), (0, 0, 0, 2)))
    if row.status != "open":
        out.print(f"\nDecided by {row.decided_by}: {(row.decision or {}).get('type')}", markup=False)
    else:
        answers = "approve | edit --edit '{...}' | reject -m why | respond -m text | escalate"
        say(f"\n{program()} decide {row.review_id} {answers}")


def _said(who: str, decision: str, case: CaseRow, row: ReviewRow) -> str:
    if decision == "escalate":
        return f"{who} handed it on. It waits for {row.owner}."
    if row.status == "open":
        missing = row.people - len(row.approvals)
        return f"{who} decides: {decision}. {missing} more must approve it; the case {case.case_id} waits."
    if row.status == "held" and row.effective_at and row.decided_at:
        seconds = (row.effective_at - row.decided_at).total_seconds()
        return f"{who} decides: {decision}. The case {case.case_id} goes on with it in {seconds:.0f} s."
    return f"{who} decides: {decision}. The case {case.case_id} is {case.status}."


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


def ago(moment: datetime) -> str:
    """How long ago a moment was, in words."""
    return _length(datetime.now(UTC) - moment)


def due_in(moment: datetime | None) -> str:
    """How long it is until a moment, or since; empty where there is none."""
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
