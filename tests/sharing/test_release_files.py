"""The files of a release: their bytes, who gets which, and the manifest over them."""

from __future__ import annotations

import hashlib
import io
import json
import time
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
from jwcrypto import jwk, jws

from anonymize.errors import PackageError
from anonymize.package.manifest import MANIFEST_TYPE, verify_manifest
from sharing.models import Release
from sharing.states import ReleaseState
from tests.sharing.sdmx.conftest import PERIODS, product as product, published as published

WHOLE, HEADLINES = "call-report-2026-q2-r1", "call-report-2026-q1-r1"


@pytest.fixture
def api(client, harbour, published):
    """A function: GET of the API as Harbour Bank's nightly job."""
    from tests.sharing.conftest import bearer

    token = bearer(client, harbour)

    def get(path, **headers):
        return client.get(f"/api/v1{path}", headers={"authorization": token, **headers})

    return get


@pytest.fixture
def jwks(client, settings):
    return client.get("/.well-known/jwks.json").json()


def test_every_file_has_the_size_and_digest_that_the_manifest_names(api, jwks):
    listed = api(f"/releases/{WHOLE}/files").json()
    manifest = verify_manifest(listed["manifest"], jwks, WHOLE)

    assert [each.name.removeprefix(WHOLE) for each in manifest.files] == [
        ".csv",
        ".xlsx",
        ".parquet",
        ".sdmx.csv",
        ".sdmx.json",
        ".sdmx.xml",
        ".structure.xml",
        ".template.json",
    ]
    for entry, told in zip(manifest.files, listed["files"], strict=True):
        answer = api(told["href"].removeprefix("/api/v1"))
        assert answer["Content-Type"] == entry.media_type == told["media_type"]
        assert (len(answer.content), hashlib.sha256(answer.content).hexdigest()) == (entry.bytes, entry.sha256)
        manifest.check(entry.name, answer.content)
    assert (manifest.state, manifest.content, manifest.cells, manifest.replaces) == ("published", "all", 3, None)
    assert api(f"/releases/{WHOLE}/files/manifest.jws").content.decode() == listed["manifest"]


def test_the_same_release_gives_the_same_bytes_at_another_time(api):
    names = [each["name"] for each in api(f"/releases/{WHOLE}/files").json()["files"]]
    before = [api(f"/releases/{WHOLE}/files/{name}").content for name in [*names, "manifest.jws"]]
    time.sleep(2.1)  # an archive dates its parts to two seconds

    assert [api(f"/releases/{WHOLE}/files/{name}").content for name in [*names, "manifest.jws"]] == before


def test_another_library_verifies_the_manifest_from_the_published_keys(api, jwks):
    signed = api(f"/releases/{WHOLE}/files/manifest.jws").content.decode()
    parsed = jws.JWS()
    parsed.deserialize(signed)
    key = next(each for each in jwks["keys"] if each["kid"] == parsed.jose_header["kid"])

    parsed.allowed_algs = ["EdDSA", "Ed25519"]
    parsed.verify(jwk.JWK(**{name: key[name] for name in ("kty", "crv", "x")}))

    claims = json.loads(parsed.payload)
    assert parsed.jose_header["typ"] == MANIFEST_TYPE
    assert (claims["sub"], claims["published_at"]) == (WHOLE, "2026-11-02T12:00:00Z")


def test_changed_bytes_another_release_and_another_key_are_refused(api, jwks):
    signed = api(f"/releases/{WHOLE}/files/manifest.jws").content.decode()
    manifest = verify_manifest(signed, jwks, WHOLE)
    content = api(f"/releases/{WHOLE}/files/{WHOLE}.csv").content

    with pytest.raises(PackageError, match="not the file"):
        manifest.check(f"{WHOLE}.csv", content.replace(b"Q2", b"Q3"))
    with pytest.raises(PackageError, match="names no file"):
        manifest.check("other.csv", content)
    with pytest.raises(PackageError, match="is of"):
        verify_manifest(signed, jwks, HEADLINES)
    with pytest.raises(PackageError):
        verify_manifest(signed, {"keys": []}, WHOLE)
    head, payload, signature = signed.split(".")
    with pytest.raises(PackageError):
        verify_manifest(f"{head}.{payload[:-4]}AAAA.{signature}", jwks, WHOLE)


def test_a_member_that_did_not_answer_the_round_gets_the_headlines_and_a_manifest_that_says_so(api, jwks):
    listed = api(f"/releases/{HEADLINES}/files").json()
    manifest = verify_manifest(listed["manifest"], jwks, HEADLINES)

    assert (manifest.content, manifest.cells, listed["content"]) == ("headlines", 1, "headlines")
    table = pq.read_table(io.BytesIO(api(f"/releases/{HEADLINES}/files/{HEADLINES}.parquet").content))
    assert [(row["PEER_GROUP"], row["PRODUCT"]) for row in table.to_pylist()] == [("ALL", "_T")]
    for ending in ("csv", "sdmx.csv", "sdmx.xml", "sdmx.json", "structure.xml"):
        text = api(f"/releases/{HEADLINES}/files/{HEADLINES}.{ending}").content.decode()
        assert "size-small" not in text


def test_digests_remembered_for_one_reader_are_not_told_to_another(api, client, stella, jwks):
    mine = api(f"/releases/{HEADLINES}/files").json()
    client.force_login(stella)
    hers = client.get(f"/api/v1/releases/{HEADLINES}/files").json()

    assert verify_manifest(hers["manifest"], jwks, HEADLINES).content == "all"
    digests = [{each["name"]: each["sha256"] for each in listed["files"]} for listed in (mine, hers)]
    assert digests[0][f"{HEADLINES}.csv"] != digests[1][f"{HEADLINES}.csv"]


def test_a_withdrawn_release_says_so_in_its_manifest_and_on_its_page(api, client, ada, published, jwks):
    withdrawn = published[PERIODS[1]]
    at = withdrawn.published_at + timedelta(days=1)
    Release.objects.filter(pk=withdrawn.pk).update(
        state=ReleaseState.WITHDRAWN, withdrawn_at=at, reason="A member sent the wrong quarter."
    )

    manifest = verify_manifest(api(f"/releases/{WHOLE}/files/manifest.jws").content.decode(), jwks, WHOLE)
    client.force_login(ada)
    page = client.get(f"/releases/{WHOLE}/files/").content.decode()

    assert (manifest.state, manifest.withdrawn_at) == ("withdrawn", "2026-11-03T12:00:00Z")
    assert manifest.reason == "A member sent the wrong quarter."
    assert "A member sent the wrong quarter." in page


def test_a_correction_names_what_it_replaces(api, published, stella, jwks):
    first = published[PERIODS[1]]
    Release.objects.filter(pk=first.pk).update(
        state=ReleaseState.WITHDRAWN, withdrawn_at=first.published_at + timedelta(days=1)
    )
    Release.objects.create(
        round=first.round,
        public_id="call-report-2026-q2-r2",
        revision=2,
        state=ReleaseState.PUBLISHED,
        prepared_by=stella,
        audit_passed=True,
        computed_at=first.computed_at,
        published_at=first.published_at + timedelta(days=1),
    )

    signed = api("/releases/call-report-2026-q2-r2/files/manifest.jws").content.decode()

    assert verify_manifest(signed, jwks, "call-report-2026-q2-r2").replaces == WHOLE


def test_the_page_lists_every_file_with_its_digest_and_each_can_be_downloaded(client, ada, published):
    client.force_login(ada)

    page = client.get(f"/releases/{WHOLE}/files/").content.decode()
    file = client.get(f"/releases/{WHOLE}/files/{WHOLE}.sdmx.csv")

    assert file["Content-Disposition"] == f'attachment; filename="{WHOLE}.sdmx.csv"'
    assert hashlib.sha256(file.content).hexdigest() in page
    assert client.get(f"/releases/{WHOLE}/files/manifest.jws").status_code == 200
    assert client.get(f"/releases/{WHOLE}/files/other.csv").status_code == 404


def test_a_draft_has_no_files_even_for_who_reviews_it(client, stella, published):
    Release.objects.filter(public_id=WHOLE).update(state=ReleaseState.IN_REVIEW, published_at=None)
    client.force_login(stella)

    assert client.get(f"/releases/{WHOLE}/files/").status_code == 404
    assert client.get(f"/api/v1/releases/{WHOLE}/files").status_code == 404
    assert client.get(f"/api/v1/releases/{WHOLE}/files/{WHOLE}.csv").status_code == 404
