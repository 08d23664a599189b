"""The report of a run: metrics, each example's scores, and what went wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.evals.scoring import Metric

FOLDER = Path(".cache") / "evals"
"""Where results are kept, from the working directory."""


@dataclass
class Scored:
    """What came of one example.

    Args:
        example: Its id.
        case: The case that ran for it.
        metadata: What the dataset says about it.
        outputs: What came out; empty if the case broke off.
        reference: What was expected.
        scores: By metric; None where it does not apply.
        comments: By metric, where an evaluator said something.
    """

    example: str
    case: str
    metadata: dict[str, Any]
    outputs: dict[str, Any]
    reference: dict[str, Any]
    scores: dict[str, float | None] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EvalReport:
    """One run of a suite.

    Args:
        name: The suite's name.
        run: The id of this run; its cases are called `run/number`.
        flow: The flow, with its version and digest.
        metrics: The figures.
        examples: What came of each example, in the order of the dataset.
        failures: Cases that broke off and evaluators that raised, in words; one is enough to fail.
        seconds: How long the run took.
        where: Which database its cases lie in.
        uploaded: Address of the experiment at LangSmith; None if everything stayed here.
    """

    name: str
    run: str
    flow: dict[str, Any]
    metrics: Sequence[Metric]
    examples: Sequence[Scored]
    failures: Sequence[str]
    seconds: float
    where: str
    uploaded: str | None = None

    @property
    def passed(self) -> bool:
        """Whether every gate is met and nothing failed."""
        return not self.failures and all(metric.passed for metric in self.metrics)

    def metric(self, key: str) -> Metric:
        """One figure by its name; without scores if nobody measured it."""
        return next((one for one in self.metrics if one.key == key), Metric(key, 0, None, None))

    def summary(self) -> dict[str, Any]:
        """The figures without the examples, JSON-plain."""
        return {
            "suite": self.name,
            "run": self.run,
            "flow": self.flow,
            "examples": len(self.examples),
            "passed": self.passed,
            "metrics": {one.key: {**asdict(one), "passed": one.passed} for one in self.metrics},
            "failures": list(self.failures),
            "seconds": round(self.seconds, 3),
            "uploaded": self.uploaded,
        }

    def write(self, folder: Path = FOLDER) -> Path:
        """Keep everything as JSON in `folder`; the file is named after the run.

        Raises:
            ConfigurationError: The folder cannot be written.
        """
        path = folder / f"{self.run}.json"
        whole = {**self.summary(), "where": self.where, "rows": [asdict(one) for one in self.examples]}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"the results cannot be written: {error.strerror}",
                where=str(path),
                mend="Make the folder writable, or run from another one.",
            ) from None
        return path
