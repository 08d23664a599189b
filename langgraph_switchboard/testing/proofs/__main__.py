"""Run the proofs: `python -m langgraph_switchboard.testing.proofs [--full] [--json] [--only NAME]`.

Without `--full` each is tried a few times. The exit code is 1 if a law was broken, or if a control
did not fail. With `--json` the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from langgraph_switchboard.errors import MissingExtra
from langgraph_switchboard.postgres import EmbeddedServer, running_server
from langgraph_switchboard.testing.proofs import Nursery, ProofReport, rigs
from langgraph_switchboard.testing.proofs.budgets import budgets, counted_afterwards
from langgraph_switchboard.testing.proofs.crowd import crowd
from langgraph_switchboard.testing.proofs.hands import deed
from langgraph_switchboard.testing.proofs.outages import BOUND, outages, stock_in_a_black_hole
from langgraph_switchboard.testing.proofs.poison import poisoned, stock_lists_nothing
from langgraph_switchboard.testing.proofs.probes import looking, probes
from langgraph_switchboard.testing.proofs.races import (
    double_starts,
    reviewers_race,
    stock_reviewers_race,
    wrong_ids,
)
from langgraph_switchboard.testing.proofs.stops import stops
from langgraph_switchboard.testing.proofs.zombies import zombies

Try = Callable[[bool], Awaitable[ProofReport | list[ProofReport] | bool]]


@dataclass(frozen=True)
class _Ground:
    """Where the proofs take place: a server of their own, a nursery, a folder."""

    server: EmbeddedServer
    nursery: Nursery
    folder: Path

    def database(self, name: str) -> str:
        """A fresh database; the proofs before have left theirs full."""
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            connection.execute(f"create database {name}".encode())
        return self.dsn(name)

    def dsn(self, name: str) -> str:
        """A database of a proof before."""
        return self.server.dsn.replace("/switchboard?", f"/{name}?")


def _proofs(ground: _Ground) -> dict[str, Try]:
    nursery, home = ground.nursery, ground.folder
    return {
        "races": lambda full: reviewers_race(nursery, ground.database("races"), races=500 if full else 15),
        "crowd": lambda full: crowd(
            ground.database("crowd"), reviewers=50 if full else 8, reviews=500 if full else 20
        ),
        "starts": lambda full: double_starts(nursery, ground.database("starts"), starts=200 if full else 20),
        "ids": lambda full: wrong_ids(ground.database("ids"), tries=200 if full else 5),
        "zombies": lambda full: zombies(nursery, ground.database("zombies"), owners=100 if full else 5),
        "poison": lambda full: poisoned(ground.database("poison"), rows=200 if full else 26),
        "budgets": lambda full: budgets(
            nursery, ground.database("budgets"), runs=100 if full else 3, crashes=20 if full else 3
        ),
        "probes": lambda full: probes(nursery, ground.database("probes"), tries=100 if full else 10),
        "machine": lambda full: _machine(nursery, ground.database("machine"), full),
        "stops": lambda full: stops(
            home / "stops", writes=50_000 if full else 4_000, stops=10 if full else 2
        ),
        "outages": lambda full: outages(
            home / "outages", each=25 if full else 1, bound=BOUND, down=10.0 if full else 1.0
        ),
    }


async def _machine(nursery: Nursery, dsn: str, full: bool) -> ProofReport:
    try:
        from langgraph_switchboard.testing.proofs.machine import machine
    except ImportError:
        raise MissingExtra("hypothesis", "dev", why="the state machine") from None
    return await machine(nursery, dsn, examples=100 if full else 3, steps=50 if full else 12)


def _controls(ground: _Ground) -> dict[str, Try]:
    """Each must fail: the guard is off, or it is stock LangGraph."""
    nursery = ground.nursery
    naive, unfenced = deed(rigs.without_compare_and_set), deed(rigs.without_fence)
    return {
        "races without compare-and-set": lambda full: reviewers_race(
            nursery, ground.database("naive"), races=50 if full else 8, rig=naive
        ),
        "crowd without compare-and-set": lambda full: crowd(
            ground.database("naive_crowd"), reviewers=8, reviews=20, opens=rigs.without_compare_and_set
        ),
        "races on stock LangGraph": lambda full: stock_reviewers_race(
            nursery, ground.database("stock"), races=50 if full else 5
        ),
        "zombies without the fence": lambda full: zombies(
            nursery, ground.database("unfenced"), owners=20 if full else 4, rig=unfenced
        ),
        "budgets counted afterwards": lambda full: budgets(
            nursery, ground.database("afterwards"), runs=3, crashes=1, rig=deed(counted_afterwards)
        ),
        "probes without a lock": lambda full: probes(
            nursery, ground.database("looking"), tries=20 if full else 10, rig=deed(looking)
        ),
        "stops, acknowledged early": lambda full: stops(
            ground.folder / "early", writes=2_000 if full else 500, stops=1, early=True
        ),
        "poison on stock LangGraph": lambda full: stock_lists_nothing(ground.dsn("poison")),
        "a black hole on stock LangGraph": lambda full: stock_in_a_black_hole(
            ground.database("hole"), limit=BOUND + 2
        ),
    }


async def _run(full: bool, only: str, say: Callable[[str], None]) -> dict[str, Any]:
    told: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="switchboard-proofs-") as folder:
        os.chmod(folder, 0o711)  # noqa: PTH101 - the server may run under another account
        with Nursery.open() as nursery, running_server(Path(folder) / "server") as server:
            ground = _Ground(server, nursery, Path(folder))
            for name, act in _proofs(ground).items():
                if only in ("", name):
                    came = await act(full)
                    assert not isinstance(came, bool)
                    for report in came if isinstance(came, list) else [came]:
                        say(report.line())
                        told.append(report.as_json() | {"holds": report.is_clean})
            for name, act in _controls(ground).items():
                if only in ("", name.split()[0].strip(",")):
                    came = await act(full)
                    failed = came if isinstance(came, bool) else bool(getattr(came, "broken", None))
                    say(f"control, {name}: {'fails, as it must' if failed else 'DOES NOT FAIL'}")
                    more = came.as_json() if isinstance(came, ProofReport) else {}
                    told.append(more | {"name": f"control: {name}", "holds": failed})
    return {"full": full, "holds": all(one["holds"] for one in told), "proofs": told}


def main() -> None:
    """Parse the command line, run, and say how it went."""
    parser = argparse.ArgumentParser(prog="langgraph_switchboard.testing.proofs", description=__doc__)
    parser.add_argument("--full", action="store_true", help="every proof in its full size")
    parser.add_argument("--json", action="store_true", help="end with one JSON line")
    parser.add_argument("--only", default="", help="one proof, with its controls")
    options = parser.parse_args()
    logging.disable(logging.ERROR)  # lost connections are what this is about
    result = asyncio.run(_run(options.full, options.only, _say))
    if options.json:
        _say(json.dumps(result))
    sys.exit(0 if result["holds"] else 1)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
