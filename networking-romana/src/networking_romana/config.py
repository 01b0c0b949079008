"""The section [romana] of neutron.conf."""

from __future__ import absolute_import

from oslo_config import cfg

from networking_romana.contract import API_PORT

GROUP = "romana"
LEAST_TIMEOUT = 0.1  # seconds


# Types that oslo.config has itself in later releases.
def _url(text):
    if not text.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// or http://")
    return text


def _seconds(text):
    seconds = float(text)
    if seconds < LEAST_TIMEOUT:
        raise ValueError("must be {:g} at least".format(LEAST_TIMEOUT))
    return seconds


OPTIONS = [
    cfg.Opt("url", _url, default="https://127.0.0.1:{}".format(API_PORT), help="Where romana-server listens."),
    cfg.StrOpt("ca_file", default="/etc/romana/ca.pem", help="The CA of romana-server's certificate, a PEM file."),
    cfg.StrOpt(
        "token_file",
        default="/etc/neutron/romana.token",
        help="File with a token of the role neutron; only ours to read.",
    ),
    cfg.Opt("timeout", _seconds, default=5.0, help="How long a request may take, in seconds."),
    cfg.Opt(
        "nova_url",
        _url,
        help="A nova-api (as http://controller:8774/v2.1) that serves nobody else, to ask for instances' metadata. By"
        " default everybody's, from the catalogue; but that may have all its processes wait for Neutron, while all of"
        " Neutron's wait for it.",
    ),
    cfg.IntOpt(
        "sync_interval",
        default=30,
        min=1,
        help="How often the state of all ports and addresses is compared, in seconds; between, changes are followed.",
    ),
    cfg.IntOpt(
        "grace",
        default=120,
        min=1,
        help="How long an address may belong to no port before it is taken back, in seconds: longer than a request"
        " to Neutron may take.",
    ),
]


def list_opts():
    """What oslo-config-generator shows of us."""
    return [(GROUP, OPTIONS)]


def settings():
    """The options' values, as cfg.CONF has them."""
    cfg.CONF.register_opts(OPTIONS, GROUP)
    return cfg.CONF[GROUP]
