"""A local server that takes LangSmith traces, and shows what arrived as a tree of runs.

It speaks the wire format of the public client: `GET /info`, then `POST /runs/multipart`
whose parts are named `post.<id>`, `patch.<id>.outputs` and so on.
"""

from __future__ import annotations

import email.parser
import email.policy
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from langgraph_switchboard.testing.local_server import LocalServer, Request, Response

_INFO = {
    "version": "0.0-local",
    "instance_flags": {"zstd_compression_enabled": False},
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20_000_000,
        "scale_up_nthreads_limit": 4,
        "scale_up_qsize_trigger": 1000,
    },
}


@dataclass(frozen=True)
class TracedRun:
    """One run as it arrived, with those that ran inside it in the order of their start."""

    id: str
    name: str
    kind: str
    inputs: Any
    outputs: Any
    error: str | None
    metadata: dict[str, Any]
    children: tuple[TracedRun, ...] = field(default=(), repr=False)

    def walk(self) -> Iterator[TracedRun]:
        """Itself and all runs within it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, name: str) -> TracedRun:
        """The first run of that name, here or below.

        Raises:
            LookupError: There is none; the message lists the names that are there.
        """
        for run in self.walk():
            if run.name == name:
                return run
        raise LookupError(f"No run is named {name!r}; there are {[run.name for run in self.walk()]}.")


class LangSmithStub(LocalServer):
    """Takes traces on 127.0.0.1 until it is left.

    with LangSmithStub() as langsmith:
        ...  # run something with `langsmith.environment()`
        (root,) = langsmith.runs()
    """

    def __init__(self) -> None:
        super().__init__()
        self._records: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def environment(self, project: str = "tests") -> dict[str, str]:
        """The variables under which LangSmith's client sends its traces here."""
        return {
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_ENDPOINT": self.url,
            "LANGSMITH_API_KEY": "local",
            "LANGSMITH_PROJECT": project,
        }

    def respond(self, request: Request) -> Response:
        """Take `/runs/multipart` and `/runs/batch`; say what the server can do on `/info`."""
        if request.method == "GET":
            return Response.of(_INFO)
        if request.path.endswith("/runs/multipart"):
            self._take_multipart(request)
        elif request.path.endswith("/runs/batch"):
            batch = request.json()
            for record in [*batch.get("post", []), *batch.get("patch", [])]:
                self._merge(record["id"], record)
        return Response.of({}, 202)

    def runs(self) -> list[TracedRun]:
        """The roots of all runs that arrived, oldest first."""
        with self._lock:
            records = sorted(self._records.values(), key=lambda one: str(one.get("start_time")))
        known = {record["id"] for record in records}
        roots = [record for record in records if record.get("parent_run_id") not in known]
        return [_run(root, records) for root in roots]

    @property
    def received(self) -> bytes:
        """Every byte of every body, to look for what should not be in it."""
        return b"\n".join(request.body for request in list(self.requests))

    def _take_multipart(self, request: Request) -> None:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
        for part in message.iter_parts():
            name = str(part.get_param("name", header="content-disposition"))
            verb, run_id, *inner = name.split(".")
            if verb in ("post", "patch"):
                value = json.loads(cast("bytes", part.get_payload(decode=True)))
                self._merge(run_id, {inner[0]: value} if inner else value)

    def _merge(self, run_id: str, record: dict[str, Any]) -> None:
        with self._lock:
            known = self._records.setdefault(run_id, {"id": run_id})
            known.update({key: value for key, value in record.items() if value is not None})


def _run(record: dict[str, Any], records: list[dict[str, Any]]) -> TracedRun:
    inside = [one for one in records if one.get("parent_run_id") == record["id"]]
    return TracedRun(
        id=record["id"],
        name=record.get("name", ""),
        kind=record.get("run_type", ""),
        inputs=record.get("inputs"),
        outputs=record.get("outputs"),
        error=record.get("error"),
        metadata=dict((record.get("extra") or {}).get("metadata") or {}),
        children=tuple(_run(one, records) for one in inside),
    )
