"""Nodes: how a step runs."""
