"""For the pip of old DevStacks, which knows no other way; everything is said in setup.cfg."""

from setuptools import setup

setup()
