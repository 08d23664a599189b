"""Suites: what is scored, on which examples, by whom, and what must at least be reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.switchboard.flows import module_named

Evaluator = Callable[..., Any]
"""`(*, inputs, outputs, reference_outputs, **kw) -> {"key", "score", "comment"}`, plain or async.

The signature is that of openevals, so that its evaluators fit as they are. A score is a
number from 0 to 1 or a bool; None says that the metric does not apply to the example.
"""


@dataclass(frozen=True)
class EvalSuite:
    """One thing that can be scored with `switchboard eval`.

    Args:
        flow: The flow, as "module:name".
        dataset: The JSONL file of its examples.
        evaluators: Who scores.
        gates: The least value of a metric with which a run passes.
    """

    flow: str
    dataset: Path
    evaluators: Sequence[Evaluator]
    gates: Mapping[str, float] = field(default_factory=dict)


def load_suite(name: str) -> EvalSuite:
    """The suite that a name stands for: `support_desk` is `evals.support_desk:suite`.

    Raises:
        ConfigurationError: There is no such module, or what it names is no EvalSuite.
    """
    reference = name if ":" in name else f"evals.{name}:suite"
    module_name, _, attribute = reference.partition(":")
    module = module_named(
        module_name,
        where=f"suite {name!r}",
        wanted="a file evals/NAME.py that defines `suite`, or module:name",
        mend="Run from the folder that holds evals/, or check the spelling.",
    )
    found = getattr(module, attribute, None)
    if not isinstance(found, EvalSuite):
        raise ConfigurationError(
            f"{reference!r} is no EvalSuite",
            wanted="an EvalSuite(flow=..., dataset=..., evaluators=[...])",
            came="nothing" if found is None else type(found).__name__,
        )
    return found
