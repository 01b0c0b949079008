"""The documentation of commands and addresses says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from romana.addressing import AddressPlan
from romana.cli.commands import COMMANDS, ORIGINAL_NAMES

DOCS = Path(__file__).parents[3] / "docs"
CLI = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
ADDRESSING = (DOCS / "explanation" / "addressing.md").read_text(encoding="utf-8")


def table_rows(text: str) -> list[list[str]]:
    lines = (line for line in text.splitlines() if line.startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_described_with_its_original_name(command: str) -> None:
    rows = [row for row in table_rows(CLI) if re.match(rf"`romana {command}\b", row[0])]
    assert len(rows) == 1
    originals = [old for old, new in ORIGINAL_NAMES.items() if new == command]
    assert rows[0][2] == ", ".join(f"`{old}`" for old in originals)


PLANS = [row for row in table_rows(ADDRESSING) if re.match(r"\d+\.\d+\.\d+\.\d+/\d+$", row[0])]


def test_there_are_example_plans() -> None:
    assert len(PLANS) > 3


@pytest.mark.parametrize("row", PLANS, ids=lambda row: " ".join(row[:2]))
def test_what_fits_into_an_example_plan(row: list[str]) -> None:
    host, tenant, segment, endpoint = map(int, re.findall(r"\d+", row[1]))
    plan = AddressPlan(row[0], host, tenant, segment, endpoint)
    written = [int(cell.replace(",", "")) for cell in row[2:]]
    assert written == [len(plan.hosts), len(plan.tenants), len(plan.segments), len(plan.endpoints)]


EXAMPLES = re.findall(r"^\| (10\.[\d.]+) \| 0x(\w)(\w) \| host (\d)", ADDRESSING, re.MULTILINE)


def test_there_are_example_addresses() -> None:
    assert len(EXAMPLES) > 3


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example[0])
def test_third_octet_of_an_example(example: tuple[str, str, str, str]) -> None:
    address, tenant, segment, host = example
    where = AddressPlan().locate(address)
    assert (where.host, where.tenant, where.segment) == (int(host), int(tenant, 16), int(segment, 16))


@pytest.mark.parametrize(
    "address", re.findall(r"^    (10\.[\d.]+) +& 255\.0\.255\.0  =  (10\.[\d.]+)", ADDRESSING, re.MULTILINE), ids=str
)
def test_masked_address(address: tuple[str, str]) -> None:
    plan = AddressPlan()
    where = plan.locate(address[0])
    assert str(plan.segment_mask) == "255.0.255.0"
    assert str(plan.segment_key(where.tenant, where.segment)) == address[1]
