"""Runs of Ansible."""
