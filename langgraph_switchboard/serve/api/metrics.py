"""Metrics in Prometheus' text format, written by ourselves: a few dozen lines that need no library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from langgraph_switchboard.serve.api.cases import worker_of
from langgraph_switchboard.serve.api.operation import Operation
from langgraph_switchboard.serve.requests import switchboard_of
from langgraph_switchboard.serve.traffic import BOUNDS, Traffic

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_GROUP = ("flow", "kind", "risk", "owner")
Sample = tuple[str, Mapping[str, str], float]
"""What is added to the metric's name, labels, and the value."""


async def metrics(request: Request) -> Response:
    """Metrics in Prometheus' text format: cases, reviews, and what this server does."""
    return Response("\n".join(await _lines(request)) + "\n", media_type=MEDIA_TYPE)


async def _lines(request: Request) -> list[str]:
    switchboard, worker, state = switchboard_of(request), worker_of(request), request.app.state
    store, now = switchboard.services.store, switchboard.services.clock()
    cases = [
        ("", {"flow": flow, "status": status}, float(count))
        for flow in switchboard.flows
        for status, count in (await store.counts(flow=flow)).items()
    ]
    waiting = await store.inbox_counts(now)
    groups = [({name: getattr(one, name) for name in _GROUP}, one) for one in waiting]
    oldest = max(((now - one.oldest).total_seconds() for one in waiting), default=0.0)
    return [
        *_metric("switchboard_cases", "gauge", "Cases by flow and status.", cases),
        *_metric(
            "switchboard_reviews_waiting",
            "gauge",
            "Reviews that wait for a person.",
            [("", labels, float(one.waiting)) for labels, one in groups],
        ),
        *_metric(
            "switchboard_reviews_overdue",
            "gauge",
            "Reviews that were promised before now.",
            [("", labels, float(one.overdue)) for labels, one in groups],
        ),
        *_metric(
            "switchboard_reviews_oldest_seconds",
            "gauge",
            "For how long the oldest review has waited.",
            [("", {}, oldest)],
        ),
        *_metric(
            "switchboard_worker_cases",
            "gauge",
            "Cases that this server drives, and those whose turn comes.",
            [("", {"state": "driven"}, worker.in_flight), ("", {"state": "queued"}, worker.queued)],
        ),
        *_metric("switchboard_event_streams", "gauge", "Open event streams.", [("", {}, state.streams)]),
        *_traffic(state.traffic),
    ]


def _traffic(traffic: Traffic) -> Iterable[str]:
    yield from _metric(
        "switchboard_http_requests_total",
        "counter",
        "Requests answered.",
        [
            ("", {"method": method, "route": path, "status": str(status)}, float(count))
            for (method, path, status), count in sorted(traffic.requests.items())
        ],
    )
    samples: list[Sample] = []
    for path, counts in sorted(traffic.seconds.items()):
        below = 0
        for bound, count in zip((*BOUNDS, None), counts, strict=True):
            below += count
            edge = "+Inf" if bound is None else f"{bound:g}"
            samples.append(("_bucket", {"route": path, "le": edge}, float(below)))
        samples.append(("_sum", {"route": path}, traffic.total[path]))
        samples.append(("_count", {"route": path}, float(below)))
    yield from _metric("switchboard_http_request_seconds", "histogram", "Time to answer.", samples)


def _metric(name: str, kind: str, says: str, samples: Iterable[Sample]) -> Iterable[str]:
    yield f"# HELP {name} {says}"
    yield f"# TYPE {name} {kind}"
    for suffix, labels, value in samples:
        told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{suffix}{{{told}}} {value:g}" if told else f"{name}{suffix} {value:g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


operations = [Operation("GET", "/api/metrics", metrics, answers={200: "text/plain"}, tag="metrics")]
