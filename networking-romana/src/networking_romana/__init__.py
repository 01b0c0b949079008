"""Romana's drivers for OpenStack Neutron.

`ipam` gives a port an address of its host, project and segment; `mechanism` binds it to a tap; `follow` is the program
that tells Neutron when a host's agent has put a port in place. One source for Python 2.7 and 3: what differs between
Neutron's releases is in `compat`.
"""
