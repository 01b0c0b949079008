"""What Neutron needs of its tables before any is asked."""

import subprocess
import sys

# As in a process of Neutron's API, in which nothing has been asked of the database yet.
PLUGIN_ALONE = """
from neutron.common import config
from neutron.db import models_v2
from networking_romana.l3 import Plugin
assert not hasattr(models_v2.Port, "port_forwardings"), "something else joins them: ours is needless"
config.register_common_config_options()
Plugin()
print(hasattr(models_v2.Port, "port_forwardings"))
"""


def test_ports_can_be_listed_by_the_first_request():
    said = subprocess.run([sys.executable, "-c", PLUGIN_ALONE], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert said == "True\n"
