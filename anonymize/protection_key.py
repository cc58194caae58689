"""The institution's own key for methods of protection that draw by lot, kept beside the configuration.

With it the same cells are drawn the same way again, on any day and by any command, so that nobody can average several
draws. It is made when it is first needed. Whoever has it can undo part of the protection: it never leaves the
institution, and belongs into its backup. With a new key the same cells are drawn anew.
"""

from __future__ import annotations

import secrets
from typing import Final

from anonymize.config import Config
from anonymize.errors import ConfigError
from anonymize.files import one_at_a_time, write_whole
from anonymize.template import Template

LENGTH: Final = 32  # bytes
METHODS: Final = frozenset({"round"})


def protection_key(config: Config, template: Template) -> bytes | None:
    """The key, if the template's method of protection draws with one; ConfigError when it cannot be read."""
    if template.protection.method not in METHODS:
        return None
    path = config.kept("privacy", "protection-key", "")
    with one_at_a_time(path.with_suffix(".lock")):
        if not path.exists():
            write_whole(path, secrets.token_hex(LENGTH).encode())
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as wrong:
        raise ConfigError(f"{path} cannot be read as a key. Restore it from your backup.") from wrong
    if len(key) != LENGTH:
        raise ConfigError(f"{path} is no whole key. Restore it from your backup.")
    return key
