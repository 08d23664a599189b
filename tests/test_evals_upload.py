"""With a key and an explicit wish, dataset and scores go to LangSmith; otherwise the wish is refused."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.evals import EvalReport, load_dataset, run_eval
from langgraph_switchboard.testing import LangSmithStub
from langgraph_switchboard.testing.local_server import Request, Response
from tests.eval_suites import EXAMPLES, flow, said_right

NOW = "2026-11-20T09:00:00+00:00"


class DatasetStub(LangSmithStub):
    """The part of LangSmith's API that datasets and experiments need, in memory."""

    def __init__(self, *, refuses: bool = False) -> None:
        super().__init__()
        self.refuses = refuses
        self.datasets: dict[str, dict[str, Any]] = {}
        self.examples: dict[str, dict[str, Any]] = {}
        self.experiments: list[dict[str, Any]] = []
        self.feedback: list[dict[str, Any]] = []

    def respond(self, request: Request) -> Response:
        path, _, query = request.path.partition("?")
        match request.method, path.split("/")[1]:
            case _, "datasets" | "examples" | "sessions" if self.refuses:
                return Response.of({"detail": "no such key"}, 401)
            case "GET", "datasets":
                asked = re.search(r"name=(\w+)", query)
                return Response.of(
                    [one for one in self.datasets.values() if asked and one["name"] == asked[1]]
                )
            case "POST", "datasets":
                made = {**request.json(), "id": str(uuid4()), "created_at": NOW}
                self.datasets[made["id"]] = made
                return Response.of(made)
            case "GET", "examples":
                return Response.of(list(self.examples.values()) if "offset=0" in query else [])
            case "POST", "examples":
                new = [{**one, "created_at": NOW} for one in request.json()]
                self.examples.update({one["id"]: one for one in new})
                return Response.of(new)
            case "POST", "sessions":
                made = {
                    **request.json(),
                    "id": request.json().get("id") or str(uuid4()),
                    "tenant_id": str(UUID(int=1)),
                }
                self.experiments.append(made)
                return Response.of(made)
            case "PATCH", "sessions":
                return Response.of(self.experiments[-1])
            case "POST", "feedback":
                self.feedback.append(request.json())
                return Response.of({})
        return super().respond(request)


async def upload(stub: DatasetStub, monkeypatch: pytest.MonkeyPatch) -> EvalReport:
    """One run of the small suite with a key and the stub's address; tracing itself is not switched on."""
    for name in ("LANGSMITH_ENDPOINT", "LANGSMITH_API_KEY"):
        monkeypatch.setenv(name, stub.environment()[name])
    return await run_eval(flow, load_dataset(EXAMPLES), [said_right], database="memory", upload=True)


async def test_dataset_runs_and_scores_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colleagues see the same examples, outputs and scores as the screen; a second run adds no example."""
    with DatasetStub() as stub:
        report = await upload(stub, monkeypatch)
        again = await upload(stub, monkeypatch)
        roots = [run for run in stub.runs() if "case" in (run.outputs or {})]

    assert [one["name"] for one in stub.datasets.values()] == ["mirror"]
    assert [one["inputs"] for one in stub.examples.values()] == [one.inputs for one in load_dataset(EXAMPLES)]
    assert [
        one["name"].startswith(said.run) for one, said in zip(stub.experiments, (report, again), strict=True)
    ]
    assert len(roots) == 8
    assert {run.outputs["case"] for run in roots} == {one.case for one in [*report.examples, *again.examples]}
    assert [one["score"] for one in stub.feedback].count(1) == 6
    assert {one["key"] for one in stub.feedback} == {"said_right"}
    assert report.uploaded is not None
    assert report.metric("said_right").value == 0.75


async def test_without_a_key_the_wish_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is run in vain, and the message says what is missing."""
    for name in ("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match="no key to upload with"):
        await run_eval(flow, load_dataset(EXAMPLES), [said_right], database="memory", upload=True)


async def test_a_refusing_server_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong key is a setting to mend, not a traceback."""
    with (
        DatasetStub(refuses=True) as stub,
        pytest.raises(ConfigurationError, match="LangSmith does not take the dataset"),
    ):
        await upload(stub, monkeypatch)
