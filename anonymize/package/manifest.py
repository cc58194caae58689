"""The consortium's signed word about the files of a release: which there are, and that these are their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, cast

from anonymize.errors import PackageError
from anonymize.package.consortium import Jwks, sign_claims, verify_claims
from anonymize.package.keys import SigningKey
from anonymize.package.rules import refusal

MANIFEST_TYPE: Final = "concord-release+jws"
MANIFEST_NAME: Final = "manifest.jws"

Content = Literal["all", "headlines"]


@dataclass(frozen=True)
class FileEntry:
    """`sha256` is in hexadecimal; `name` has no folder."""

    name: str
    media_type: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ReleaseManifest:
    """Times are RFC 3339, UTC. `content` is "headlines" in the files of a member that did not answer the round.

    `cells_sha256` is of the figures whatever their format: the digest of `{release}.sdmx.csv`. `replaces` is the release
    that this one corrects. Of a withdrawn release `withdrawn_at` and `reason` are said, and nobody should use its figures.
    """

    consortium: str
    release: str
    collection: str
    period: str
    revision: int
    state: str
    published_at: str
    withdrawn_at: str | None
    reason: str | None
    replaces: str | None
    content: Content
    cells: int
    cells_sha256: str
    files: tuple[FileEntry, ...]

    def entry(self, name: str) -> FileEntry:
        """PackageError when the release has no file of this name."""
        for each in self.files:
            if each.name == name:
                return each
        raise PackageError(f"The manifest of {self.release} names no file {name}.", rule="no-such-file")

    def check(self, name: str, content: bytes) -> None:
        """PackageError when these are not the bytes that the manifest names."""
        entry = self.entry(name)
        if (entry.bytes, entry.sha256) != (len(content), hashlib.sha256(content).hexdigest()):
            raise PackageError(
                f"{name} is not the file that the consortium signed. Do not use it; fetch it again.", rule="other-file"
            )


# The claim's name for each field that has another one.
_CLAIMS: Final[Mapping[str, str]] = {"consortium": "iss", "release": "sub"}
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "revision": (int,),
    "cells": (int,),
    "withdrawn_at": (str, type(None)),
    "reason": (str, type(None)),
    "replaces": (str, type(None)),
    "files": (list,),
}


def issue_manifest(manifest: ReleaseManifest, signing_key: SigningKey) -> str:
    """The manifest as a compact JWS; the same for the same release with the same key."""
    claims = {_CLAIMS.get(name, name): value for name, value in asdict(manifest).items()}
    return sign_claims(claims, MANIFEST_TYPE, signing_key)


def verify_manifest(signed: str, jwks: Jwks, release: str) -> ReleaseManifest:
    """The manifest, proved to be the consortium's and to be of this release; PackageError otherwise."""
    claims = verify_claims(signed.strip(), MANIFEST_TYPE, jwks, "receipts", dated="published_at")
    fields = {_CLAIMS.get(name, name): name for name in ReleaseManifest.__dataclass_fields__}
    if claims.keys() != fields.keys():
        raise refusal("malformed")
    values = {fields[claim]: value for claim, value in claims.items()}
    for name, value in values.items():
        if type(value) not in _TYPES.get(name, (str,)):
            raise refusal("malformed", member=name)
    manifest = ReleaseManifest(**{**values, "files": tuple(_entry(each) for each in values["files"])})
    if manifest.release != release:
        raise PackageError(f"This manifest is of {manifest.release}, not of {release}.", rule="other-release")
    return manifest


def _entry(claimed: Any) -> FileEntry:
    if not isinstance(claimed, dict) or claimed.keys() != set(FileEntry.__dataclass_fields__):
        raise refusal("malformed", member="files")
    members = cast("dict[str, Any]", claimed)
    for name, value in members.items():
        if type(value) is not (int if name == "bytes" else str):
            raise refusal("malformed", member="files")
    # Written beside each other: a name with a folder would leave theirs.
    if "/" in members["name"] or "\\" in members["name"] or members["name"].startswith("."):
        raise refusal("malformed", member="files")
    return FileEntry(**members)
