"""What AWS's services are like is read once in a process."""

from __future__ import annotations

import pytest
from botocore.loaders import JSONFileLoader, Loader

from romana_install.ansible import aws_models as models


def test_sessions_share_what_they_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loader, "FILE_LOADER_CLASS", JSONFileLoader)
    for _ in range(2):
        models.keep()
        first, second = (Loader().load_service_model("sts", "service-2") for _ in range(2))
        assert first["metadata"]["serviceId"] == "STS"
        assert first["operations"] is second["operations"]


def test_what_is_not_there_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loader, "FILE_LOADER_CLASS", JSONFileLoader)
    models.keep()
    assert Loader.FILE_LOADER_CLASS().load_file("/nowhere/service-2") is None
