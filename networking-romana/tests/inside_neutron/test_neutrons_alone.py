"""Neutron's own tests of what it does alone, with our drivers beneath: that these are in the way of none of it."""

from . import test_neutrons_own


class TestPorts(test_neutrons_own.TestPorts):
    alone = True


class TestBinding(test_neutrons_own.TestBinding):
    alone = True
