"""No figure leaves the browser in the clear, and no key at all."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from django.utils import timezone

from anonymize.cube import SDMX_CSV, read_cube, write_cube
from anonymize.template import load
from consortium.institutions.models import SigningKey
from sharing.states import SubmissionState
from tests.browser.sealing.sealer import PLANTED, Sealer, as_csv, as_xlsx, decided, figures

pytestmark = pytest.mark.browser


def disguises(secret: bytes) -> list[bytes]:
    """The digits as they are, in hexadecimal, and in base64 at each of the three places of a group."""
    found = [secret, secret.hex().encode()]
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + secret)
        found.append(coded[4 if shift else 0 : len(coded) // 4 * 4 - 4])
    return found


FILES = {
    "figures.csv": lambda rows: as_csv(rows),
    "semicolons.csv": lambda rows: as_csv(rows, delimiter=";", encoding="utf-8-sig"),
    "sheets.xlsx": as_xlsx,
    "cube.parquet": lambda rows: write_cube(read_cube(as_csv(rows), load("call-report"), SDMX_CSV)),
}


@pytest.mark.parametrize("name", FILES)
def test_no_figure_leaves_the_browser_and_the_vault_accepts_what_does(visit, quarter, name):
    sealer = Sealer(visit(), quarter)
    kid = sealer.make_key()
    sealer.choose(name, FILES[name](figures()))
    assert sealer.findings() == []
    submission = sealer.send()

    assert submission.signing_kid == kid
    assert decided(submission).state == SubmissionState.AWAITING_APPROVAL
    assert submission.findings.filter(severity="error").count() == 0
    assert "verified in this browser" in sealer.page.inner_text("[data-receipt]")
    assert "Bela" in sealer.page.inner_text("[data-approval]")
    assert submission.receipt == sealer.page.evaluate(
        "async address => (await fetch(address)).text()", sealer.page.get_attribute("[data-link=receipt]", "href")
    )

    sent = [each for each in sealer.requests if b"/submissions" in each.split(b"\n")[0] and b"POST" in each[:10]]
    assert len(sent) == 1
    assert sent[0].split(b"\n", 1)[1].count(b".") == 2  # a compact JWS, and nothing around it
    kept = json.dumps(sealer.page.evaluate(EVERYTHING_KEPT)).encode()
    whole = [*sealer.requests, kept]
    for secret in (str(PLANTED).encode(), b"planted beside the cube", b"OBS_STATUS,CONF"):
        for disguise in disguises(secret):
            assert not any(disguise in each or disguise in _unpacked(each) for each in whole)


EVERYTHING_KEPT = """async () => {
  const kept = { local: {...localStorage}, session: {...sessionStorage}, cookies: document.cookie, databases: {} };
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise((done) => { const r = indexedDB.open(name); r.onsuccess = () => done(r.result); });
    for (const store of database.objectStoreNames) {
      const all = await new Promise((done) => {
        const r = database.transaction(store).objectStore(store).getAll(); r.onsuccess = () => done(r.result); });
      kept.databases[`${name}/${store}`] = all.map((each) => each.privateKey ? {...each, extractable: each.privateKey.extractable} : each);
    }
    database.close();
  }
  return kept;
}"""


def _unpacked(request: bytes) -> bytes:
    """The payload of a package as bytes, and gunzipped where it is gzip."""
    body = request.split(b"\n", 1)[-1]
    parts = body.split(b".")
    raw = base64.urlsafe_b64decode(parts[1] + b"==") if len(parts) == 3 and b" " not in body else body
    try:
        return raw + gzip.decompress(raw)
    except (OSError, EOFError):
        return raw


def test_a_planted_figure_would_be_found():
    """The search above finds what it looks for, however it is written."""
    secret = str(PLANTED).encode()
    for prefix in (b"", b"x", b"xy"):
        request = base64.b64encode(prefix + b"," + secret + b",more")
        assert any(each in request for each in disguises(secret))
    assert secret in _unpacked(b"[]\n" + gzip.compress(b"a," + secret))


def test_the_key_cannot_be_taken_out_of_the_browser_and_ends_when_it_is_revoked(visit, quarter):
    sealer = Sealer(visit(), quarter)
    kid = sealer.make_key()
    kept = sealer.page.evaluate(EVERYTHING_KEPT)["databases"]["concord-sealing/keys"]
    assert [(each["kid"], each["extractable"]) for each in kept] == [(kid, False)]
    assert "in force" in sealer.page.inner_text("[data-key=state]")

    SigningKey.objects.filter(kid=kid).update(revoked_at=timezone.now(), revocation="routine")
    sealer.go()
    sealer.choose("figures.csv", as_csv(figures()))
    assert "revoked" in sealer.page.inner_text("[data-key=state]")
    assert sealer.page.is_hidden("[data-preview]")
