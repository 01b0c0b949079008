"""Configuration files: what is refused, and how it is said."""

from pathlib import Path

import pytest
from pydantic import Field, field_validator

from romana.settings import Settings, SettingsError, load


class Inner(Settings):
    cidr: str = "10.0.0.0/8"


class Example(Settings):
    port: int = Field(ge=1, le=65535, description="TCP port")
    name: str
    plan: Inner = Inner()

    @field_validator("name")
    @classmethod
    def _no_space(cls, value: str) -> str:
        if " " in value:
            raise ValueError("has a space; remove it")
        return value


def findings(path: Path, text: str | bytes) -> list[str]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError) as caught:
        load(path, Example)
    return [finding.removeprefix(f"{path}: ") for finding in caught.value.findings]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.toml"


def test_good_file_is_loaded(path: Path) -> None:
    path.write_text('port = 9600\nname = "a"\n[plan]\ncidr = "10.0.0.0/9"\n')
    assert load(path, Example) == Example(port=9600, name="a", plan=Inner(cidr="10.0.0.0/9"))


def test_all_findings_come_at_once_each_with_its_fix(path: Path) -> None:
    assert findings(path, 'port = 0\nnmae = "a"\nwhatever = 1\n[plan]\ncidr = 3\ncdir = "x"\n') == [
        "port is 0; input should be greater than or equal to 1 (TCP port)",
        "name is missing; add it",
        "plan.cidr is 3; input should be a valid string",
        "plan.cdir is not known; did you mean cidr?",
        "nmae is not known; did you mean name?",
        "whatever is not known; remove it (known here: name, plan, port)",
    ]


def test_own_validators_speak_for_themselves(path: Path) -> None:
    assert findings(path, 'port = 1\nname = "a b"\n') == ["name: has a space; remove it"]


def test_what_is_no_toml_is_refused(path: Path) -> None:
    assert findings(path, "port 1")[0].startswith("is not TOML (")
    assert findings(path, b"name = '\xff'")[0] == "is not UTF-8 text (byte 8); save it as UTF-8"


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nothing\.toml: cannot be read \(No such file"):
        load(tmp_path / "nothing.toml", Example)
