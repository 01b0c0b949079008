"""The drivers' tests under the Python and a Neutron of old releases."""
