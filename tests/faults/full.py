"""Every proof of faults in its full size, with its controls: `make faults [JSON=FILE]`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from langgraph_switchboard.postgres import EmbeddedServer, running_server
from langgraph_switchboard.testing.proofs import ProofReport
from tests.faults.cascade import cascade
from tests.faults.controls import insistent, own_word
from tests.faults.desk import tickets
from tests.faults.fuzz import FAMILIES, fuzz
from tests.faults.proof import faults

EACH = 50
OUTPUTS = 10_000

Proof = Callable[[], Awaitable[ProofReport]]


def _fresh(server: EmbeddedServer, name: str) -> str:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return server.dsn.replace("/switchboard?", f"/{name}?")


def _proofs(server: EmbeddedServer, each: int, outputs: int) -> Iterator[tuple[Proof, bool]]:
    """Each proof, and whether it must fail."""
    given = tickets()
    yield lambda: faults(_fresh(server, "faults"), given, each=each), False
    for family in FAMILIES:
        yield partial(fuzz, family, outputs=outputs), False
    yield cascade, False
    yield lambda: faults(_fresh(server, "word"), given, kinds=["injected"], each=each, make=own_word), True
    yield lambda: faults(_fresh(server, "twice"), given, kinds=["down"], each=4, make=insistent), True
    for family in FAMILIES:
        yield partial(fuzz, family, outputs=outputs // 10, unchecked=True), True
    yield lambda: cascade(unchecked=True), True


async def run(each: int, outputs: int) -> dict[str, Any]:
    """Try everything; each line is said as soon as it is known."""
    told: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="switchboard-faults-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o711)  # noqa: PTH101 - the server may run under another account
        with running_server(Path(folder) / "server") as server:
            for prove, must_fail in _proofs(server, each, outputs):
                report = await prove()
                holds = bool(report.broken) if must_fail else report.is_clean
                verdict = (
                    ("the control fails, as it must" if must_fail else "holds") if holds else "DOES NOT HOLD"
                )
                sys.stdout.write(f"{report.line()}\n  {verdict}\n")
                sys.stdout.flush()
                told.append({**report.as_json(), "control": must_fail, "holds": holds})
    return {"holds": all(one["holds"] for one in told), "proofs": told}


def main() -> None:
    """Run; the exit code is 1 where a law was broken or a control did not fail."""
    logging.disable(logging.ERROR)  # failing steps are what this is about
    each = int(os.environ.get("EACH", EACH))
    result = asyncio.run(run(each, int(os.environ.get("N", OUTPUTS))))
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(f"{json.dumps(result)}\n", encoding="utf-8")
    sys.exit(0 if result["holds"] else 1)


if __name__ == "__main__":
    main()
