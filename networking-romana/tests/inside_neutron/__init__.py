"""Tests that run in .venv/neutron: see ../drivers/test_drivers.py."""
