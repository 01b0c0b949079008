"""What a stack costs an hour, about: a table that comes with the program, so that it is there without credentials.

On-demand list prices of Linux instances in US dollars, before tax and whatever an account has agreed upon. They change
rarely, and are only there to tell three dollars a day from thirty.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

AS_OF = "2025-06"
USUAL_REGION = "us-east-1"  # whose prices stand in for those of a region that is not in the table
HOURS_A_MONTH = 730
PUBLIC_ADDRESS = 0.005  # an hour, in every region

# Dollars an hour of the size `large`; the other sizes are multiples of it.
_LARGE: dict[str, dict[str, float]] = {
    "us-east-1": {"t3": 0.0832, "t3a": 0.0752, "m5": 0.096, "m6i": 0.096, "c5": 0.085, "c6i": 0.085, "r5": 0.126},
    "us-east-2": {"t3": 0.0832, "t3a": 0.0752, "m5": 0.096, "m6i": 0.096, "c5": 0.085, "c6i": 0.085, "r5": 0.126},
    "us-west-2": {"t3": 0.0832, "t3a": 0.0752, "m5": 0.096, "m6i": 0.096, "c5": 0.085, "c6i": 0.085, "r5": 0.126},
    "eu-west-1": {"t3": 0.0912, "t3a": 0.0816, "m5": 0.107, "m6i": 0.107, "c5": 0.096, "c6i": 0.0912, "r5": 0.141},
    "eu-central-1": {"t3": 0.096, "t3a": 0.0864, "m5": 0.115, "m6i": 0.115, "c5": 0.097, "c6i": 0.097, "r5": 0.152},
}
_SIZES: dict[str, float] = {
    "nano": 1 / 16,
    "micro": 1 / 8,
    "small": 1 / 4,
    "medium": 1 / 2,
    "large": 1,
    "xlarge": 2,
    "2xlarge": 4,
    "4xlarge": 8,
    "8xlarge": 16,
    "12xlarge": 24,
    "16xlarge": 32,
    "24xlarge": 48,
}
# Dollars a GiB and month of a gp3 volume.
_VOLUME = {"us-east-1": 0.08, "us-east-2": 0.08, "us-west-2": 0.08, "eu-west-1": 0.088, "eu-central-1": 0.0952}


@dataclass(frozen=True)
class Price:
    """What something costs. hourly: dollars; unknown: instance types that the table does not have and hourly lacks."""

    hourly: float
    unknown: tuple[str, ...]
    region: str

    def text(self, region: str) -> str:
        """In words. region: the one that was meant."""
        parts = [f"about ${self.hourly:.2f} an hour (${self.hourly * 24:.2f} a day) at list prices of {AS_OF}"]
        parts += [f"those of {self.region}, as {region or 'the region'} is not in the table"] * (self.region != region)
        parts += [f"without {', '.join(self.unknown)}, which is not in the table"] if self.unknown else []
        return ", ".join(parts)


def of_region(region: str) -> str:
    """The region whose prices are taken for it."""
    return region if region in _LARGE else USUAL_REGION


def instance(region: str, instance_type: str) -> float | None:
    """Dollars an hour of a running instance, its public address included; None when the table does not have it."""
    family, _, size = instance_type.partition(".")
    large = _LARGE[of_region(region)].get(family)
    return large * _SIZES[size] + PUBLIC_ADDRESS if large is not None and size in _SIZES else None


def volumes(region: str, gib: float) -> float:
    """Dollars an hour of so many GiB of volumes, whether or not their instances run."""
    return gib * _VOLUME[of_region(region)] / HOURS_A_MONTH


def of_stack(region: str, types: Iterable[str], gib: float, addresses: int) -> Price:
    """What instances of these types and their volumes cost, all running.

    gib: the size of all volumes together; addresses: how many elastic IPs there are beside the instances' own.
    """
    wanted = list(types)
    known = {name: instance(region, name) for name in wanted}
    hourly = sum(known[name] or 0.0 for name in wanted) + volumes(region, gib) + PUBLIC_ADDRESS * addresses
    return Price(hourly, tuple(sorted(name for name, price in known.items() if price is None)), of_region(region))
