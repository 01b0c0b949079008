"""The agent: makes one host's network what the control plane says it should be, and keeps it so."""
