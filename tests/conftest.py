"""What every test may ask for: the cast, the shared data, tasks that run at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection

pytest_plugins = ["tests.cast", "tests.panel.made_up"]

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """Real data beside the checkout; a test that needs it is skipped where it is not."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared data is not beside this checkout")
    return SHARED_DATA


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    # Tests with real transactions empty every table afterwards, which the audit trail and the log refuse otherwise.
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_entry DISABLE TRIGGER audit_is_not_emptied")
        cursor.execute("ALTER TABLE sharing_leaf DISABLE TRIGGER log_is_not_emptied")
    yield
    # A server thread whose browser has not let go yet would keep the database from being dropped.
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(autouse=True)
def storage_of_its_own(tmp_path_factory, settings):
    """Each test has an empty blob store."""
    settings.CONCORD_BLOBS = tmp_path_factory.mktemp("blobs")
    return settings.CONCORD_BLOBS


@pytest.fixture
def at_once():
    """Tasks run when they are queued. Needs real transactions (`transactional_db`) or captured commit hooks."""
    from consortium.celery import app

    before = app.conf.task_always_eager, app.conf.task_eager_propagates
    app.conf.task_always_eager = app.conf.task_eager_propagates = True
    yield
    app.conf.task_always_eager, app.conf.task_eager_propagates = before
