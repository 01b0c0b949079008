"""Romana: multi-tenant networks without an overlay."""
