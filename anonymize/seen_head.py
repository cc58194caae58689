"""The last head of the log that was seen here: kept beside the configuration, and what every later one must begin with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from anonymize.config import Config
from anonymize.errors import LogError, PackageError
from anonymize.files import one_at_a_time, read_whole, write_whole
from anonymize.log import InRelease, verify_consistency
from anonymize.package.consortium import Jwks
from anonymize.package.tree_head import TreeHead, verify_tree_head

# From the smaller and the larger size to the answer of `/log/consistency`; None where it is not at hand.
Consistency = Callable[[int, int], Mapping[str, Any] | None]


class SeenHead:
    """Use it in a `with` statement: two runs at once would forget what one of them saw."""

    def __init__(self, config: Config, jwks: Jwks) -> None:
        self._path: Path = config.kept("state", "log", ".head")
        self._lock: Path = config.kept("state", "log", ".lock")
        self._jwks = jwks
        self._held = ExitStack()

    def __enter__(self) -> Self:
        self._held.enter_context(one_at_a_time(self._lock))
        self.before = self._read() if self._path.exists() else None
        return self

    def _read(self) -> TreeHead:
        try:
            return verify_tree_head(read_whole(self._path).decode("ascii", "replace"), self._jwks)
        except PackageError as wrong:
            raise LogError(
                f"{self._path}, the head of the log seen last, is damaged or signed with a key that is not known here. "
                "Restore it, or give the keys of that time too with --keys. Nothing was compared.",
                rule="seen-head",
            ) from wrong

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def check(self, found: InRelease, consistency: Consistency, *, is_latest: bool = False) -> None:
        """Proves that the log was only added to since the head seen last, and remembers the larger of the two.

        `is_latest` says that the server was asked just now: then a smaller log has lost leaves. LogError otherwise.
        """
        head, before = found.head, self.before
        if before is not None:
            if is_latest and head.size < before.size:
                raise LogError(
                    f"The log was rewritten: it has {head.size} leaves, and {before.size} were signed before. Keep "
                    f"{self._path} and ask the association.",
                    rule="log-rewritten",
                )
            verify_consistency(before, head, _path(before, head, consistency))
        if before is None or head.size > before.size:
            write_whole(self._path, found.signed_head.encode("ascii"))


def _path(before: TreeHead, head: TreeHead, consistency: Consistency) -> list[object]:
    """The proof's hashes; none are needed between two heads of one size."""
    first, second = sorted((before.size, head.size))
    if first == second:
        return []
    proof = consistency(first, second)
    if proof is None or (proof.get("first"), proof.get("second")) != (first, second):
        raise LogError(
            f"Whether the log was rewritten cannot be told. Give the answer of /log/consistency?first={first}&"
            f"second={second} with --consistency.",
            rule="consistency-needed",
        )
    path = proof.get("path")
    if not isinstance(path, list):
        raise LogError("A proof is not of the published form. Fetch it again.", rule="malformed")
    return path
