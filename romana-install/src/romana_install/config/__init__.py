"""The configuration: what can be set, and what a user has set."""
