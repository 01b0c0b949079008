"""The drivers' tests, as the project's test command runs them."""
