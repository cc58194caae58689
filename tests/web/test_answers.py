"""What every answer of the web process carries."""

from __future__ import annotations

import pytest
from django.db.models import TextChoices
from django.urls import reverse

from consortium.institutions.states import InstitutionState
from consortium.web import assets
from consortium.web.badges import badge_of
from sharing.models import Finding
from sharing.progress import LATE, MISSING
from sharing.states import ReleaseState, RoundState, SubmissionState


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/login/", "/no/such/page/", "/healthz", "/"])
def test_nothing_inline_and_nothing_from_elsewhere_may_run(client, path):
    policy = client.get(path)["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.django_db
def test_a_page_of_somebody_signed_in_is_kept_by_no_shared_cache(client, anna):
    client.force_login(anna)
    assert client.get("/profile/")["Cache-Control"] == "private, no-cache"


@pytest.mark.django_db
def test_what_the_roles_do_not_include_is_a_page_with_the_sentence(client, anna):
    client.force_login(anna)
    response = client.get("/administration/audit-log/")
    assert response.status_code == 403
    assert "Your roles do not include this." in response.content.decode()


@pytest.mark.django_db
def test_a_person_reads_the_portal_in_the_language_of_the_account(client, anna):
    client.force_login(anna)
    client.post("/language/", {"language": "zh-hans", "next": "/profile/"})
    anna.refresh_from_db()
    assert anna.language == "zh-hans"
    client.cookies.clear()
    client.force_login(anna)
    assert "个人资料与安全" in client.get("/profile/").content.decode()


@pytest.mark.django_db
def test_the_theme_leads_to_no_other_site(client):
    response = client.post("/theme/", {"theme": "dark", "next": "https://elsewhere.example/"})
    assert response["Location"] == "/"
    assert response.cookies["theme"].value == "dark"


@pytest.mark.parametrize("states", [InstitutionState, RoundState, SubmissionState, ReleaseState, Finding.Severity])
def test_every_state_has_a_badge(states: type[TextChoices]):
    assert all(badge_of(state) for state in states.values)
    assert badge_of(MISSING)
    assert badge_of(LATE)


def test_vega_is_kept_for_good_and_only_in_its_version(client, settings, tmp_path):
    settings.CONCORD_ASSETS = tmp_path
    assets._bundle.cache_clear()
    response = client.get(reverse("vega", args=[assets.vega_version()]), headers={"accept-encoding": "gzip"})

    assert response["Content-Encoding"] == "gzip"
    assert "immutable" in response["Cache-Control"]
    assert [path.name for path in tmp_path.iterdir()] == [f"vega-{assets.vega_version()}.js.gz"]
    assert client.get(reverse("vega", args=["0.0"])).status_code == 404
