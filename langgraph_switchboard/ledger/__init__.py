"""The ledger: what happened, step by step."""
