"""A token of Harbour Bank's nightly job."""

from __future__ import annotations

import pytest

from tests.sharing.conftest import bearer


@pytest.fixture
def token(client, harbour):
    return bearer(client, harbour)
