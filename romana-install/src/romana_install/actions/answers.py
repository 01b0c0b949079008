"""The action `answers`: the whole configuration as one file, explained, that -a takes."""

from __future__ import annotations

import sys
import textwrap
import types
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic.fields import FieldInfo

from romana_install.actions.context import given_configuration
from romana_install.base.errors import UsageError
from romana_install.base.findings import FindingsError
from romana_install.config.documentation import type_name, value_text
from romana_install.config.importers import localrc, packstack
from romana_install.config.importers.takeover import Takeover
from romana_install.config.options import Options
from romana_install.config.settings import FILES, PASSWORD_NAMES, Config, Settings

WIDTH = 100
HEAD = """# A stack, in answers. Edit them, and then:
#   ./romana-setup -t TARGET validate -a THIS_FILE
#   ./romana-setup -t TARGET -a THIS_FILE
# What is left out is as in group_vars/all; what is given with -e wins over this.
"""


def answers(options: Options) -> int:
    """Print the configuration as an answers file, with what another installer's file says taken over."""
    draft = given_configuration(options)
    if draft.findings:
        raise FindingsError(draft.findings)
    takeover = _takeover(options)
    if takeover is None:
        print(document(draft.config), end="")
        return 0
    config = Config.model_validate({**draft.values, **takeover.values})
    print(document(config) + "\n" + _left(takeover), end="")
    print(
        f"romana-setup: {len(takeover.taken)} taken over, {len(takeover.left)} not; why is at the end", file=sys.stderr
    )
    return 0


def document(config: Config) -> str:
    """The text of the answers file that says what a configuration is."""
    values = config.model_dump()
    return "\n".join([HEAD, *(_section(model, values) for model in FILES.values())])


def _takeover(options: Options) -> Takeover | None:
    if options.from_packstack and options.from_localrc:
        raise UsageError("--from-packstack and --from-localrc: give one of them")
    if options.from_packstack:
        return packstack.take_over(_text(options.from_packstack))
    if options.from_localrc:
        return localrc.take_over(_text(options.from_localrc))
    return None


def _text(path: str) -> str:
    try:
        return Path(path).expanduser().read_text()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text") from error


def _section(model: type[Settings], values: dict[str, Any]) -> str:
    head = "# " + "-" * 20 + f" {(model.__doc__ or '').strip()}\n"
    return "\n".join([head, *(_variable(key, info, values[key]) for key, info in model.model_fields.items())])


def _variable(key: str, info: FieldInfo, value: Any) -> str:
    extra: dict[str, Any] = dict(cast("dict[str, Any]", info.json_schema_extra))
    unit = f" ({extra['unit']})" if extra["unit"] else ""
    default = value_text(info.get_default(call_default_factory=True))
    lines = [
        *textwrap.wrap(str(info.description), WIDTH - 2),
        *textwrap.wrap(f"{type_name(info.annotation)}{unit}; default: {default}", WIDTH - 2),
    ]
    if key == "openstack_passwords":
        value = {name: value.get(name) for name in PASSWORD_NAMES}
    return "".join(f"# {line}\n" for line in lines) + _entry(key, value)


def _entry(key: str, value: Any) -> str:
    return yaml.dump({key: value}, Dumper=_Dumper, sort_keys=False, width=WIDTH)


class _Dumper(yaml.SafeDumper):
    """Nothing is nothing, not `null`."""


_Dumper.add_representer(types.NoneType, lambda dumper, _none: dumper.represent_scalar("tag:yaml.org,2002:null", ""))


def _left(takeover: Takeover) -> str:
    taken = ", ".join(takeover.taken) or "nothing"
    why = "".join(f"# {key}: {reason}\n" for key, reason in takeover.left.items())
    return f"# -------------------- Taken over: {taken}\n#\n# Not taken over, and why:\n{why}"
