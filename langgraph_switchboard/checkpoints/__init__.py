"""Checkpoints: where the state of a case is kept."""
