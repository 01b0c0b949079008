"""What all parts of Romana agree on beside the address plan: how things may be named, and where the server listens."""

from __future__ import annotations

NAME = "[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?"  # a regular expression, for all of a name
NAME_RULE = "1 to 64 of letters, digits, '.', '_' and '-', with a letter or digit at both ends"
API_PORT = 9600  # TCP
