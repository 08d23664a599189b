"""Where the state of the applications lives."""
