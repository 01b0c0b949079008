"""The estimate of what a stack costs."""

from __future__ import annotations

import pytest

from romana_install.targets.aws import prices


def test_sizes_are_multiples_of_large() -> None:
    large, double = (prices.instance("eu-west-1", f"m5.{size}") for size in ("large", "2xlarge"))
    assert large is not None
    assert double is not None
    assert double - prices.PUBLIC_ADDRESS == pytest.approx(4 * (large - prices.PUBLIC_ADDRESS))


def test_stack() -> None:
    price = prices.of_stack("us-east-1", ["t3.large", "t3.large"], 80, 0)
    assert price.hourly == pytest.approx(2 * (0.0832 + 0.005) + 80 * 0.08 / 730)
    assert price.text("us-east-1") == f"about $0.19 an hour ($4.44 a day) at list prices of {prices.AS_OF}"


def test_elastic_ips_that_are_no_instances_own_cost_each() -> None:
    assert prices.of_stack("us-east-1", ["t3.large"], 0, 3).hourly == pytest.approx(0.0832 + 4 * 0.005)


def test_what_the_table_does_not_have_is_said() -> None:
    price = prices.of_stack("mars-north-1", ["t3.large", "zz9.plural"], 0, 0)
    assert price.hourly == pytest.approx(0.0882)
    assert "those of us-east-1, as mars-north-1 is not in the table" in price.text("mars-north-1")
    assert "without zz9.plural" in price.text("mars-north-1")
    assert prices.instance("eu-west-1", "t3.huge") is None


def test_every_region_of_the_table_has_all_of_it() -> None:
    tables = list(prices._LARGE.values())
    assert all(table.keys() == tables[0].keys() for table in tables)
    assert prices._VOLUME.keys() == prices._LARGE.keys()
