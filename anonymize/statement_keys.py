"""The institution's own keys for statements on its machine: the one in use, and former ones, which open what is older.

The key in use lies beside the configuration, `statement-key.json` unless `statements.key_file` names another; a former one
keeps its id in its name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from anonymize.config import Config
from anonymize.errors import ConfigError, KeyStoreError
from anonymize.files import one_at_a_time
from anonymize.package import SealingKey, SealingKeyPair, sealing_file
from anonymize.package.hpke import SuiteId

FILE_NAME: Final = "statement-key.json"


def key_path(config: Config) -> Path:
    return config.directory / (config.statement_key_file or FILE_NAME)


def make(config: Config, suite: SuiteId, *, replace: bool) -> SealingKey:
    """The public half of the key in use, made unless it is there; with `replace` a new one takes its place."""
    path = key_path(config)
    with one_at_a_time(config.kept("state", "statement-keys", ".lock")):
        if path.exists() and replace:
            _set_aside(path)
        if path.exists():
            return sealing_file.public_of(path)
        pair = SealingKeyPair.generate(suite)
        sealing_file.write(pair, path, config.need_passphrase())
        return pair.public


def key_of(config: Config, kid: str) -> SealingKeyPair:
    """The key with this id, in use or former; KeyStoreError names where it was looked for."""
    path = key_path(config)
    for each in (path, _former(path, kid)):
        if each.exists() and sealing_file.public_of(each).rkid == kid:
            return sealing_file.from_file(each, config.need_passphrase())
    raise KeyStoreError(
        f"The key {kid} is neither in {path} nor in {_former(path, kid).name} beside it. Open the statement where the key "
        "is, or restore its file."
    )


def _set_aside(path: Path) -> None:
    """Gives the key in use the name of a former one, under which it is found again."""
    former = _former(path, sealing_file.public_of(path).rkid)
    try:
        path.rename(former)
    except OSError as wrong:
        raise ConfigError(f"{path} cannot be renamed: {wrong.strerror}. The key in use stays.") from wrong


def _former(path: Path, kid: str) -> Path:
    return path.with_name(f"{path.stem}.{kid}{path.suffix}")
