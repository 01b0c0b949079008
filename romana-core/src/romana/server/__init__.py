"""romana-server: the store as an HTTP API, for command line, installer, OpenStack and agents."""
