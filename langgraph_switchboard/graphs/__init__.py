"""Graphs: the blueprint, its check, and its build into a `StateGraph`."""

from langgraph_switchboard.graphs.blueprint import Blueprint
from langgraph_switchboard.graphs.card import Card, card
from langgraph_switchboard.graphs.card_html import card_html
from langgraph_switchboard.graphs.card_markdown import card_markdown
from langgraph_switchboard.graphs.check import Finding, check
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.graphs.svg import svg
from langgraph_switchboard.graphs.yaml_file import dump_yaml, load_yaml
from langgraph_switchboard.graphs.yaml_schema import yaml_schema

__all__ = [
    "Blueprint",
    "Card",
    "Finding",
    "Process",
    "card",
    "card_html",
    "card_markdown",
    "check",
    "dump_yaml",
    "load_yaml",
    "svg",
    "yaml_schema",
]
