"""Graphs: the blueprint, its check, and its build into a `StateGraph`."""

from langgraph_switchboard.graphs.blueprint import Blueprint
from langgraph_switchboard.graphs.check import Finding, check
from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.graphs.svg import svg
from langgraph_switchboard.graphs.yaml_file import dump_yaml, load_yaml
from langgraph_switchboard.graphs.yaml_schema import yaml_schema

__all__ = ["Blueprint", "Finding", "Process", "check", "dump_yaml", "load_yaml", "svg", "yaml_schema"]
