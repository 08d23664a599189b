"""The command line: `switchboard`."""

from langgraph_switchboard.cli.app import main

__all__ = ["main"]
