"""What production reads from its environment, and one message that names everything missing or wrong.

A secret may be given as itself (`CONCORD_KEK`) or as a file that holds it (`CONCORD_KEK_FILE`), as systemd
credentials and container secrets do. Each process holds only what its job needs: a secret in the wrong process is as
wrong as a missing one.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from anonymize.errors import KeyStoreError
from consortium.key_encryption import keyring

PROCESSES = ("web", "vault", "office", "beat", "manage")
HOLDERS = {  # who holds which key; "manage" is a command run by hand: migrate, check, let_in
    "CONCORD_SIGNING_KEY_FILE": {"web"},
    "CONCORD_VAULT_SIGNING_KEY": {"vault"},
    "CONCORD_VAULT_PUBLIC_KEY": {"web"},
    "CONCORD_KEK": {"vault"},
    "CONCORD_FORMER_KEKS": {"vault"},
    "CONCORD_KEK_PIN": {"vault"},
    "CONCORD_KEK_TOKEN": {"vault"},
    "CONCORD_DELIVERY_KEY": {"web"},
    "CONCORD_DELIVERY_PUBLIC_KEY": {"vault"},
}


@dataclass
class Environment:
    """Reads values and collects what is wrong; `finish` raises with all of it at once."""

    values: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def optional(self, name: str, default: str = "") -> str:
        """The variable, or the contents of the file that `<name>_FILE` names."""
        path = self.values.get(f"{name}_FILE")
        if not path:
            return self.values.get(name, default)
        if self.values.get(name):
            self.problems.append(f"{name} and {name}_FILE are both set; keep one.")
        try:
            value = Path(path).read_text().strip()
        except OSError as wrong:
            self.problems.append(f"{name}_FILE: {path} cannot be read: {wrong.strerror}.")
            return ""
        if not value:
            self.problems.append(f"{name}_FILE: {path} is empty.")
        return value

    def required(self, name: str, what: str, *, check: Callable[[str], str] | None = None) -> str:
        """The variable; a problem when it is empty or `check` answers with a sentence."""
        value = self.optional(name)
        if not value and not self.values.get(f"{name}_FILE"):
            self.problems.append(f"{name} is missing: {what}.")
        elif value and check is not None and (sentence := check(value)):
            self.problems.append(f"{name} {sentence}.")
        return value

    def key(self, name: str, process: str, what: str, *, check: Callable[[str], str] | None = None) -> str:
        """A key for the processes that hold it; refused in any other."""
        if process in HOLDERS[name]:
            return self.required(name, what, check=check)
        self._refuse(name, process)
        return ""

    def optional_key(self, name: str, process: str) -> str:
        """A key that its holders need not have; refused in any other process."""
        if process in HOLDERS[name]:
            return self.optional(name)
        self._refuse(name, process)
        return ""

    def _refuse(self, name: str, process: str) -> None:
        if self.values.get(name) or self.values.get(f"{name}_FILE"):
            holders = " and ".join(sorted(HOLDERS[name]))
            self.problems.append(f"{name} is set in a {process} process; only {holders} may hold it.")

    def finish(self) -> None:
        if self.problems:
            listed = "\n".join(f"  - {problem}" for problem in self.problems)
            raise ImproperlyConfigured(f"Concord does not start:\n{listed}\nSee docs/operations.md.")


def without_others_keys(process: str, values: Mapping[str, str]) -> dict[str, str]:
    """The variables, less the keys that only other processes hold, given as themselves or as files."""
    foreign = {name.removesuffix("_FILE") for name, holders in HOLDERS.items() if process not in holders}
    return {name: value for name, value in values.items() if name.removesuffix("_FILE") not in foreign}


def is_32_bytes(value: str) -> str:
    """An empty answer for 32 bytes in base64url, else what is wrong."""
    try:
        raw = urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError:
        return "is not base64url"
    return "" if len(raw) == 32 else f"holds {len(raw)} bytes; 32 are needed"


def is_keyring(kek: str, former: str, pin: str, secret: str) -> str:
    """An empty answer for a key-encryption key, former ones and what their devices ask for, else what is wrong."""
    try:
        keyring(kek, former.split(), pin=pin, secret=secret)
    except KeyStoreError as wrong:
        return wrong.sentence
    return ""


def is_postgres(value: str) -> str:
    return "" if value.startswith(("postgres://", "postgresql://")) else "must be a postgres:// address"


def is_amqp(value: str) -> str:
    return "" if value.startswith(("amqp://", "amqps://")) else "must be an amqp:// or amqps:// address of RabbitMQ"


def is_long(value: str) -> str:
    return "" if len(value) >= 50 else "is shorter than 50 characters"


def is_hosts(value: str) -> str:
    return "must name hosts, not *" if "*" in value.replace(",", " ").split() else ""


def is_networks(value: str) -> str:
    """An empty answer for addresses and networks in CIDR notation, separated by commas or blanks."""
    try:
        for each in value.replace(",", " ").split():
            ip_network(each)
    except ValueError:
        return "must name addresses or networks such as 10.0.0.0/8"
    return ""


def is_process(value: str) -> str:
    return "" if value in PROCESSES else f"is {value!r}; it is one of {', '.join(PROCESSES)}"


def is_readable_file(value: str) -> str:
    path = Path(value)
    if not path.is_file():
        return f"names {value}, which is not there"
    if path.stat().st_mode & 0o004:
        return f"names {value}, which everybody can read; chmod o-r it"
    return ""


def is_directory(value: str) -> str:
    return "" if Path(value).is_dir() else f"names {value}, which is not a directory"
