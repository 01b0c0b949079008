"""The installer behind ./romana-setup."""

__version__ = "1.0.0"
