"""Evals: score a flow on labelled examples, on this machine.

examples -> one case each, in a database of their own -> evaluators -> metrics -> gates
"""

from langgraph_switchboard.evals.examples import load_dataset
from langgraph_switchboard.evals.report import EvalReport, Scored
from langgraph_switchboard.evals.running import run_eval
from langgraph_switchboard.evals.scoring import Metric, mean_interval
from langgraph_switchboard.evals.suite import EvalSuite, Evaluator, load_suite

__all__ = [
    "EvalReport",
    "EvalSuite",
    "Evaluator",
    "Metric",
    "Scored",
    "load_dataset",
    "load_suite",
    "mean_interval",
    "run_eval",
]
