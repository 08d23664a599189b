"""The agents of the applications: plain async functions, one for each step."""
