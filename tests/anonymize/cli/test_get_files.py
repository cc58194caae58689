"""`concord get --files`: a release's files, each proved to be as the consortium signed it, or none at all."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from anonymize.package.manifest import FileEntry, ReleaseManifest, issue_manifest
from tests.anonymize.cli.conftest import Bank
from tests.anonymize.platform import Platform
from tests.vectors.sealed import keys

CONTENTS = {"r-2.csv": b"TIME_PERIOD\r\n2026-10\r\n", "r-2.parquet": b"PAR1"}
MANIFEST = ReleaseManifest(
    consortium="https://concord.example",
    release="r-2",
    collection="delinquency",
    period="2026-10",
    revision=2,
    state="published",
    published_at="2026-11-20T12:00:00Z",
    withdrawn_at=None,
    reason=None,
    replaces="r-1",
    content="all",
    cells=1,
    cells_sha256="0" * 64,
    files=tuple(
        FileEntry(name, "text/csv", len(content), hashlib.sha256(content).hexdigest())
        for name, content in CONTENTS.items()
    ),
)


@pytest.fixture
def publish(platform: Platform):
    """A function: the platform has these files of r-2, and this manifest over them."""

    def give(manifest: ReleaseManifest = MANIFEST, contents: dict[str, bytes] = CONTENTS, key=keys.CONSORTIUM) -> None:
        signed = issue_manifest(manifest, key)

        def answer(_method: str, path: str):
            if path.endswith("/releases/r-2/files"):
                return 200, {"Content-Type": "application/json"}, json.dumps({"manifest": signed}).encode()
            if "/releases/r-2/files/" in path:
                return 200, {"Content-Type": "text/csv"}, contents[path.rsplit("/", 1)[1]]
            return None

        platform.before = answer

    return give


def test_every_file_is_written_beside_the_manifest(bank: Bank, publish) -> None:
    publish()

    told = bank.json("get", "r-2", "--files", "out")

    assert (told["files"], told["state"], told["content"]) == (list(CONTENTS), "published", "all")
    written = {each.name: each.read_bytes() for each in (bank.directory / "out").iterdir()}
    assert {name: written[name] for name in CONTENTS} == CONTENTS
    assert written.keys() - CONTENTS.keys() == {"r-2.manifest.jws"}


def test_a_file_that_differs_from_what_was_signed_is_refused_and_nothing_is_written(bank: Bank, publish) -> None:
    publish(contents={**CONTENTS, "r-2.parquet": b"PAR2"})

    refused = bank.run("get", "r-2", "--files", "out")

    assert (refused.exit_code, "r-2.parquet is not the file" in refused.stderr) == (1, True)
    assert not (bank.directory / "out").exists()


@pytest.mark.parametrize(
    ("manifest", "key", "said"),
    [
        (MANIFEST, keys.VAULT, "key"),  # signs round keys, not this
        (replace(MANIFEST, release="r-1"), keys.CONSORTIUM, "is of r-1"),
        (replace(MANIFEST, files=(replace(MANIFEST.files[0], name="../r-2.csv"),)), keys.CONSORTIUM, ""),
    ],
)
def test_a_manifest_that_is_not_the_consortiums_word_on_this_release_is_refused(
    bank: Bank, publish, manifest, key, said
) -> None:
    publish(manifest, key=key)

    refused = bank.run("get", "r-2", "--files", "out")

    assert (refused.exit_code, said in refused.stderr) == (1, True)
    assert not (bank.directory / "out").exists()


def test_a_withdrawn_release_and_headlines_alone_are_said(bank: Bank, publish) -> None:
    publish(
        replace(MANIFEST, withdrawn_at="2026-11-21T12:00:00Z", state="withdrawn", reason="Wrong.", content="headlines")
    )

    told = bank.run("get", "r-2", "--files", "out").stdout

    assert "The release is withdrawn: Wrong." in told
    assert "headlines alone" in told


def test_a_folder_and_a_file_at_once_or_neither_is_wrong_use(bank: Bank) -> None:
    assert bank.run("get", "r-2").exit_code == 2
    assert bank.run("get", "r-2", "--files", "out", "-o", "out.csv").exit_code == 2
    assert bank.run("get", "r-2", "--files", "out", "--where", "REGION=CN-ZJ").exit_code == 2
