"""How the applications are scored: labelled examples, evaluators, gates."""
