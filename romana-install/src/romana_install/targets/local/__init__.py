"""The target local: containers on this machine."""
