"""The store: what hosts, tenants, segments, endpoints, policies and tokens there are, on SQLite or MariaDB."""
