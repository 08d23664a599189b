"""What the agents of the applications say to each other."""
