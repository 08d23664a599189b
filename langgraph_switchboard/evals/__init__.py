"""Evals: score a process on a dataset, on this machine."""
