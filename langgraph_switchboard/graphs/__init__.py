"""Graphs: the blueprint, its check, and its build into a `StateGraph`."""
