"""A round as a member needs it to seal: read from the server or from a saved file, and trusted only where signed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anonymize.errors import ConcordError, ConfigError, ServerError
from anonymize.package import SealingKey, verify_jwk
from anonymize.package.consortium import Jwks


@dataclass(frozen=True)
class Round:
    """`document` is what the server sent; `signatures` are the vault's over the sealing keys."""

    id: str
    collection: str
    template_version: str
    period: str
    state: str
    opens_at: str
    due_at: str
    audience: str
    signatures: tuple[str, ...]
    document: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def is_open(self) -> bool:
        """Whether it takes packages of ours: open to all, or closed and our institution was given more time."""
        if self.state != "closed":
            return self.state == "open"
        try:
            until = datetime.fromisoformat(str(self.document.get("extended_until")))
        except ValueError:
            return False
        return until.tzinfo is not None and until > datetime.now(UTC)

    def sealing_key(self, jwks: Jwks) -> SealingKey:
        """The key to seal to, proved by the consortium's pinned keys; the post-quantum one where there are several."""
        proved = [verify_jwk(signature, round_id=self.id, jwks=jwks) for signature in self.signatures]
        if not proved:
            raise ServerError(
                f"Round {self.id} has no sealing key yet; try again in a minute. Nothing was sealed.",
                rule="no-sealing-key",
                retryable=True,
            )
        return max(proved, key=lambda key: key.suite == "X-Wing")


def parse_round(document: Mapping[str, Any]) -> Round:
    """A round from its JSON; ServerError when members are missing."""
    try:
        return Round(
            id=str(document["id"]),
            collection=str(document["collection"]),
            template_version=str(document["template_version"]),
            period=str(document["period"]),
            state=str(document["state"]),
            opens_at=str(document["opens_at"]),
            due_at=str(document["due_at"]),
            audience=str(document["audience"]),
            signatures=tuple(str(each["signature"]) for each in document["sealing_keys"]),
            document=document,
        )
    except (KeyError, TypeError) as wrong:
        raise ServerError("The round is not of the published form.") from wrong


def read_round_file(path: Path) -> Round:
    """A round that was saved for sealing without a connection."""
    try:
        return parse_round(json.loads(path.read_text(encoding="utf-8")))
    except OSError as wrong:
        raise ConfigError(f"{path} cannot be read: {wrong.strerror}.") from wrong
    except (ValueError, ConcordError) as wrong:
        raise ConfigError(f"{path} is no saved round.") from wrong
