"""The `switchboard` command: its parts, and one way to say what went wrong."""

from __future__ import annotations

import logging
import os
import sys

import typer

from langgraph_switchboard.cli import (
    bench,
    bench_check,
    bench_desk,
    bench_inbox,
    bench_limits,
    dead,
    keys,
    people,
    records,
    reviews,
    webhooks,
)
from langgraph_switchboard.cli.card import card
from langgraph_switchboard.cli.check import check
from langgraph_switchboard.cli.costs import cost
from langgraph_switchboard.cli.demo import demo
from langgraph_switchboard.cli.evals import evaluate
from langgraph_switchboard.cli.new import new
from langgraph_switchboard.cli.run import run
from langgraph_switchboard.cli.schema import schema
from langgraph_switchboard.cli.screen import err, say
from langgraph_switchboard.cli.serving import serve
from langgraph_switchboard.cli.status import status
from langgraph_switchboard.errors import SwitchboardError

app = typer.Typer(
    name="switchboard",
    help="Cases through flows of agents: run them, see where they stand, decide what waits for a person.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.command()(run)
app.command()(people.case)
app.command()(people.cases)
app.add_typer(reviews.app, name="reviews", help="What waits for a person.")
app.command()(reviews.decide)
app.command()(people.resume)
app.add_typer(dead.app, name="dead", help="What could not go on: list, show, redrive, discard.")
app.command()(status)
app.command()(cost)
app.command()(check)
app.command()(schema)
app.command()(card)
app.command()(new)
app.command("eval")(evaluate)
app.command()(demo)
app.command()(serve)
app.add_typer(keys.app, name="keys")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(records.ledger_app, name="ledger")
app.add_typer(records.db_app, name="db")
bench.app.command("check")(bench_check.check_)
bench.app.command("desk")(bench_desk.desk)
bench.app.command("inbox")(bench_inbox.inbox)
bench.app.command("limits")(bench_limits.limits)
app.add_typer(bench.app, name="bench", help="Measure, side by side on this machine.")


def main() -> None:
    """Run the command; an error that a user can mend is told in words, without a traceback."""
    # It tells of every attempt to connect again, and of every statement that a stop breaks off; what
    # it means for cases is told once, by us.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    routing = logging.getLogger("langgraph_switchboard.routing")
    routing.setLevel(logging.INFO)  # a bar that stands still while the router learns needs a word
    routing.addHandler(_Saying())
    try:
        app(standalone_mode=True)
    except SwitchboardError as error:
        _tell(error)
    except ExceptionGroup as group:
        known, unknown = group.split(SwitchboardError)
        if unknown is not None or known is None:
            raise
        _tell(_first(known))
    except BrokenPipeError:
        # Whoever read our output has gone; let the interpreter's own flush find nothing to do.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


class _Saying(logging.Handler):
    """What a part wants people to know, as a line among the command's own."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def _tell(error: SwitchboardError) -> None:
    err.print(f"{error.code}: {error}", markup=False, soft_wrap=True, style="red")
    sys.exit(2)


def _first(group: BaseException) -> SwitchboardError:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    assert isinstance(group, SwitchboardError)
    return group
