"""The output formats: cliff's table, json, yaml and value, and csv for lists and single things alike."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from cliff.columns import FormattableColumn
from cliff.formatters.base import ListFormatter, SingleFormatter
from cliff.formatters.json_format import JSONFormatter
from cliff.formatters.table import TableFormatter
from cliff.formatters.value import ValueFormatter
from cliff.formatters.yaml_format import YAMLFormatter
from stevedore import ExtensionManager
from stevedore.extension import Extension


class CsvFormatter(ListFormatter, SingleFormatter):
    """RFC 4180 with a head line; nothing is an empty field, several values are separated by spaces."""

    def add_argument_group(self, parser: argparse.ArgumentParser) -> None:
        """It has no options."""

    def emit_list(
        self, column_names: Sequence[str], data: Iterable[Sequence[Any]], stdout: TextIO, _: argparse.Namespace
    ) -> None:
        """Head and one line for each row."""
        writer = csv.writer(stdout, lineterminator="\n")
        writer.writerow(column_names)
        writer.writerows([_flat(value) for value in row] for row in data)

    def emit_one(
        self, column_names: Sequence[str], data: Sequence[Any], stdout: TextIO, parsed_args: argparse.Namespace
    ) -> None:
        """Head and one line."""
        self.emit_list(column_names, [data], stdout, parsed_args)


def formatters() -> ExtensionManager[Any]:
    """The formats as cliff wants them, made by hand: its own way is to search every installed package."""
    formats: dict[str, type[Any]] = {
        "csv": CsvFormatter,
        "json": JSONFormatter,
        "table": TableFormatter,
        "value": ValueFormatter,
        "yaml": YAMLFormatter,
    }
    extensions = [Extension(name, None, kind, kind()) for name, kind in formats.items()]  # type: ignore[arg-type]
    return ExtensionManager.make_test_instance(extensions)


def _flat(value: Any) -> Any:
    if isinstance(value, FormattableColumn):
        plain = value.machine_readable()
        if isinstance(plain, list):
            return " ".join(str(item) for item in plain)
        return "" if plain is None else value.human_readable()
    return value
