"""The floors of our packages: nothing imports what is above it, and no imports go in a circle."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

PROJECT = Path(__file__).parents[2]
# From the top down; what is in one set is beside each other, and does not import the other.
FLOORS: dict[str, tuple[str | set[str], ...]] = {
    "romana_install": ("cli", "actions", "targets", {"ansible", "verify"}, "state", "config", "base"),
    "romana": ("manage", "cli", {"agent", "server", "probe"}, "store", "filters", "models", "addressing"),
}


@pytest.fixture(autouse=True)
def _drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are installed where Neutron is."""
    monkeypatch.syspath_prepend(PROJECT / "networking-romana" / "src")


def graph(package: str) -> grimp.ImportGraph:
    """What imports what when it runs; what only types need is no matter."""
    return grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)


@pytest.mark.parametrize("package", FLOORS)
def test_no_import_leads_up(package: str) -> None:
    found = graph(package).find_illegal_dependencies_for_layers(layers=FLOORS[package], containers={package})
    assert [f"{one.importer} imports {one.imported}" for one in found] == []


def test_every_room_of_the_installer_has_its_floor() -> None:
    rooms = {child.partition(".")[2] for child in graph("romana_install").find_children("romana_install")}
    named = {room for floor in FLOORS["romana_install"] for room in ({floor} if isinstance(floor, str) else floor)}
    assert rooms == named | {"__main__"}


@pytest.mark.parametrize("package", [*FLOORS, "networking_romana"])
def test_no_imports_go_in_a_circle(package: str) -> None:
    found = graph(package)
    imports = {module: found.find_modules_directly_imported_by(module) for module in found.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


# Where a name of a target may be told from others: among the targets.
COMPARED = ("target ==", "target in", "target !=")


def test_nobody_else_compares_a_targets_name() -> None:
    ours = PROJECT / "romana-install" / "src" / "romana_install"
    paths = [
        *(path for path in ours.rglob("*.py") if "targets" not in path.relative_to(ours).parts),
        *(path for room in ("playbooks", "roles") for path in (PROJECT / room).rglob("*.yml")),
    ]
    found = [
        f"{path.relative_to(PROJECT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if any(words in line for words in COMPARED)
    ]
    assert found == []
