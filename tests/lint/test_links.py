"""Sources that several of our packages have: one file each, in the collection's module_utils, and links to it."""

import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SOURCES = PROJECT / "plugins" / "module_utils"


@pytest.mark.parametrize(
    ("package", "names"),
    [
        ("romana-core/src/romana", ["contract.py", "files.py"]),
        ("networking-romana/src/networking_romana", ["contract.py"]),
    ],
)
def test_package_links_to_the_one_source(package: str, names: list[str]) -> None:
    links = sorted(path for path in (PROJECT / package).rglob("*") if path.is_symlink())
    assert [(link.name, link.resolve()) for link in links] == [(name, SOURCES / name) for name in names]
    distribution, source = package.split("/", 1)
    built = tomllib.loads((PROJECT / distribution / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    included = {f"../plugins/module_utils/{name}": f"{source}/{name}" for name in names}
    assert built["sdist"]["force-include"] == included
    assert built["sdist"]["exclude"] == list(included.values())
