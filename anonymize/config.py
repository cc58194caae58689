"""The member's configuration: one TOML file, overridden by environment variables; secrets come from neither file nor
command line but from the environment or from files of their own.

```toml
institution = "CN-001"

[server]
url = "https://concord.example.org"
client_id = "cn-001-cron"
client_secret_file = "client-secret"   # or CONCORD_CLIENT_SECRET
# audience = "concord-cn"              # the consortium's identifier, where no round tells it yet
# auth = "private_key_jwt"             # instead of the secret: signed with a key made by `concord key api`
# api_key_file = "api-key.pem"         # of the same passphrase

[signing]
key_file = "signing-key.pem"
passphrase_file = "passphrase"         # or CONCORD_PASSPHRASE

[privacy]
epsilon_per_year = 4                   # for collections protected by noise: the most that one may cost in a year

[statements]
# key_file = "statement-key.json"      # the own key that statements are sealed to, of the same passphrase
```

Paths are relative to the file. Beside it lie what the commands keep: `templates/`, `rounds/`, `receipts/`, `accepted/`,
`state/`, `privacy/` and `consortium-keys.json`, the pinned keys of the consortium.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from anonymize.errors import ConfigError
from anonymize.files import make_folder
from anonymize.package import SigningKey
from anonymize.package.consortium import Jwks

FILE_NAME: Final = "concord.toml"
PRIVATE_KEY_JWT: Final = "private_key_jwt"
PINNED_KEYS: Final = "consortium-keys.json"
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\Z")

# Setting -> its place in the file. The environment variable is CONCORD_ and the setting in capitals.
_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "institution": ("institution",),
    "server_url": ("server", "url"),
    "client_id": ("server", "client_id"),
    "client_secret_file": ("server", "client_secret_file"),
    "audience": ("server", "audience"),
    "auth": ("server", "auth"),
    "api_key_file": ("server", "api_key_file"),
    "key_file": ("signing", "key_file"),
    "passphrase_file": ("signing", "passphrase_file"),
    "epsilon_per_year": ("privacy", "epsilon_per_year"),
    "statement_key_file": ("statements", "key_file"),
}


@dataclass(frozen=True)
class Config:
    """Settings as they are in force. A setting that is absent is empty; whoever needs it says so in a sentence."""

    directory: Path
    institution: str = ""
    server_url: str = ""
    client_id: str = ""
    client_secret_file: str = ""
    audience: str = ""
    auth: str = ""
    api_key_file: str = ""
    key_file: str = ""
    passphrase_file: str = ""
    epsilon_per_year: str = ""
    statement_key_file: str = ""
    client_secret: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)

    def need(self, setting: str) -> str:
        """A setting's value; ConfigError names the file and the variable where it can be given."""
        value: str = getattr(self, setting)
        if not value:
            place = ".".join(_PLACES.get(setting, (setting,)))
            raise ConfigError(
                f"There is no {place}. Give it in {self.directory / FILE_NAME} or as CONCORD_{setting.upper()}."
            )
        return value

    def need_server_url(self) -> str:
        """The platform's address without a slash at the end; it must be https, except on this machine."""
        url = self.need("server_url").rstrip("/")
        try:
            address = urlsplit(url)
            is_sound = bool(address.hostname) and (address.port is None or address.port > 0)
        except ValueError as wrong:
            raise ConfigError(f"The server's url {url!r} is no address.") from wrong
        is_private = address.scheme == "https" or (address.scheme == "http" and address.hostname in _LOCAL_HOSTS)
        if is_sound and is_private:
            return url
        raise ConfigError("The server's url must begin with https://. Nothing was sent.")

    def need_client_secret(self) -> str:
        return self.client_secret or self._secret("client_secret", self.client_secret_file)

    @property
    def signs_in_with_key(self) -> bool:
        """Whether the API client shows who it is by a signed assertion; ConfigError for a way that is not known."""
        if self.auth not in {"", "client_secret", PRIVATE_KEY_JWT}:
            raise ConfigError(f"server.auth is client_secret or {PRIVATE_KEY_JWT}. Nothing was sent.")
        return self.auth == PRIVATE_KEY_JWT

    def need_api_key(self) -> SigningKey:
        """The key of the API client's assertions; it signs nothing else."""
        return SigningKey.from_file(self.directory / self.need("api_key_file"), self.need_passphrase())

    def need_signing_key(self) -> SigningKey:
        return SigningKey.from_file(self.directory / self.need("key_file"), self.need_passphrase())

    def need_passphrase(self) -> str:
        return self.passphrase or self._secret("passphrase", self.passphrase_file)

    def _secret(self, name: str, file: str) -> str:
        if not file:
            raise ConfigError(f"There is no {name.replace('_', ' ')}. Set CONCORD_{name.upper()} or {name}_file.")
        path = self.directory / file
        try:
            secret = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as wrong:
            raise ConfigError(f"{path} cannot be read.") from wrong
        if not secret:
            raise ConfigError(f"{path} is empty.")
        return secret

    def kept(self, kind: str, name: str, ending: str) -> Path:
        """Where something is kept beside the configuration, such as a round or a receipt; its folder is made."""
        if not _SAFE_NAME.match(name):
            raise ConfigError(f"{name!r} cannot be used as a file name.")
        return make_folder(self.directory / kind) / f"{name}{ending}"

    def pinned_keys(self) -> Jwks:
        """The consortium's keys as pinned by `concord init`; ConfigError when they were not."""
        path = self.directory / PINNED_KEYS
        try:
            keys = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as missing:
            raise ConfigError(f"The consortium's keys are not pinned. Run concord init; it writes {path}.") from missing
        except (OSError, ValueError) as wrong:
            raise ConfigError(f"{path} cannot be read as JSON.") from wrong
        if not isinstance(keys, dict) or not isinstance(keys.get("keys"), list):
            raise ConfigError(f"{path} is no set of keys.")
        return keys


def find_file(given: Path | None = None, environment: Mapping[str, str] = os.environ) -> Path:
    """The configuration file: the one given, CONCORD_CONFIG, ./concord.toml, or ~/.config/concord/concord.toml."""
    if given is not None:
        return given
    if named := environment.get("CONCORD_CONFIG"):
        return Path(named)
    here = Path(FILE_NAME)
    return here if here.exists() else Path.home() / ".config" / "concord" / FILE_NAME


def load_config(given: Path | None = None, environment: Mapping[str, str] = os.environ) -> Config:
    """The settings of the file and of the environment, which wins. A file that was named must exist."""
    path = find_file(given, environment)
    named = given is not None or "CONCORD_CONFIG" in environment
    settings = _read(path) if named or path.exists() else {}
    for setting in (each.name for each in fields(Config) if each.name != "directory"):
        if value := environment.get(f"CONCORD_{setting.upper()}"):
            settings[setting] = value
    return Config(directory=path.parent, **settings)


def _read(path: Path) -> dict[str, str]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as wrong:
        raise ConfigError(f"{path} cannot be read: {wrong.strerror}. concord init writes one.") from wrong
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ConfigError(f"{path} is not valid TOML: {wrong}.") from wrong
    return _settings(path, document)


def _settings(path: Path, document: Mapping[str, Any]) -> dict[str, str]:
    flat = {
        ((name, inner) if isinstance(value, dict) else (name,)): (value[inner] if isinstance(value, dict) else value)
        for name, value in document.items()
        for inner in (value if isinstance(value, dict) else [""])
    }
    known = {place: setting for setting, place in _PLACES.items()}
    settings = {}
    for place, value in flat.items():
        if place not in known:
            names = ", ".join(".".join(each) for each in known)
            raise ConfigError(f"{path}: {'.'.join(place)} is no setting; there are: {names}.")
        if place == _PLACES["epsilon_per_year"] and type(value) in (int, float):
            value = str(value)
        if not isinstance(value, str):
            raise ConfigError(f"{path}: {'.'.join(place)} must be text in quotes.")
        settings[known[place]] = value
    return settings
