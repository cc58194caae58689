"""Long property tests run only when they are asked for: `pytest -m nightly`."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "nightly" in (config.option.markexpr or ""):
        return
    skip = pytest.mark.skip(reason="a nightly test: pytest -m nightly")
    for item in items:
        if item.get_closest_marker("nightly"):
            item.add_marker(skip)
