"""What deleted instances must not leave behind."""

from __future__ import annotations

from romana_setup import Setup


def assert_nothing_left(stack: Setup) -> None:
    """No endpoint in the store, no tap, route to an endpoint, lease or element of a set on any node."""
    assert stack.romana("endpoint", "list") == []
    assert "ok" in stack.ssh("controller", "romana", "ipam", "check").lower()
    for node in ("controller", "compute01", "compute02"):
        assert [line for line in stack.ssh(node, "ip", "-br", "link").splitlines() if line.startswith("tap")] == []
        assert [line for line in stack.ssh(node, "ip", "route").splitlines() if " dev tap" in line] == []
        assert "tap" not in stack.ssh(node, "nft", "list", "table", "inet", "romana")
        assert "dhcp-host" not in stack.ssh(node, "sh", "-c", "'cat /run/romana-agent/dnsmasq* 2>/dev/null || true'")
