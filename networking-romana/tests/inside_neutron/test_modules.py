"""What a release of Neutron has to have for the drivers to be its drivers."""

from __future__ import absolute_import

import importlib
import pkgutil
import unittest

import pkg_resources
from neutron.ipam.driver import Pool

import networking_romana
from networking_romana.compat import ml2_api


def entry_point(group):
    """What Neutron loads when its configuration says `romana`."""
    (found,) = pkg_resources.iter_entry_points(group, "romana")
    return found.resolve()


class TestModules(unittest.TestCase):
    def test_every_one_can_be_imported(self):
        found = [name for _, name, _ in pkgutil.iter_modules(networking_romana.__path__, "networking_romana.")]
        assert "networking_romana.follow" in found
        for name in found:
            importlib.import_module(name)

    def test_ipam_driver_is_neutrons_kind(self):
        driver = entry_point("neutron.ipam_drivers")
        assert issubclass(driver, Pool)
        driver(None, None)  # has all that is abstract there

    def test_mechanism_driver_is_ml2s_kind(self):
        driver = entry_point("neutron.ml2.mechanism_drivers")
        assert issubclass(driver, ml2_api.MechanismDriver)
        driver()
