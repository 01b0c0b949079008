"""Whether a cloud's services answer, without booting anything."""

from __future__ import annotations

from typing import Any

from romana_install.verify.cloud import Cloud
from romana_install.verify.findings import Findings

PORT = "romana-verify-port"


def look_at_services(cloud: Cloud, findings: Findings) -> list[str]:
    """Whether compute services are up; returns the hosts of those that are. Raises CloudError."""
    services = cloud.list("compute", "/os-services?binary=nova-compute", "services")
    hypervisors = cloud.list("compute", "/os-hypervisors/detail", "hypervisors")
    up = sorted(one["host"] for one in services if one["state"] == "up" and one["status"] == "enabled")
    problems = service_problems(services, {one["service"]["host"] for one in hypervisors})
    findings.note("compute services", problems, f"up on {', '.join(up)}")
    return up


def service_problems(services: list[dict[str, Any]], in_cells: set[str]) -> list[str]:
    """What is wrong with compute services, as Nova lists them. in_cells: hosts that the scheduler has found."""
    if not any(one["status"] == "enabled" for one in services):
        return ["none is enabled"]
    down = [one["host"] for one in services if one["state"] != "up"]
    lost = [one["host"] for one in services if one["state"] == "up" and one["host"] not in in_cells]
    problems = [f"nova-compute on {host} is down; see: journalctl -u nova-compute there" for host in down]
    problems += [f"no cell of Nova has {host}; see: journalctl -u nova-scheduler on the controller" for host in lost]
    return problems


def look_at_apis(cloud: Cloud, findings: Findings) -> None:
    """A round trip through each API with a token; what a killed verification left goes. Raises CloudError."""
    for left in cloud.list("network", f"/v2.0/ports?name={PORT}", "ports"):
        cloud.delete("network", f"/v2.0/ports/{left['id']}")
    network = cloud.named("network", "/v2.0/networks", "romana")
    # In old releases a port without a host can have no address.
    port = {"network_id": network, "name": PORT, "fixed_ips": []}
    made = cloud.post("network", "/v2.0/ports", {"port": port})["port"]
    cloud.delete("network", f"/v2.0/ports/{made['id']}")
    cloud.named("image", "/v2/images", "tiny")
    cloud.named("compute", "/flavors", "tiny")
    answering, nobody = "image, network and compute", []
    if cloud.offers("placement"):
        answering = "image, network, compute and placement"
        if not cloud.list("placement", "/resource_providers", "resource_providers"):
            nobody = ["Placement knows no compute node; see: journalctl -u nova-compute on one"]
    findings.note("APIs", nobody, f"{answering} answer; a port was made and deleted")
