"""The `romana` command line: one small class per command on top of the API client."""
