"""Prepares servers and settings before anything of the product is imported. Fixtures stand in fixtures.py."""

from __future__ import annotations

import pytest

from tests import servers

servers.prepare()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.fixtures")
