"""What is kept of a stack, and how its nodes are reached."""
