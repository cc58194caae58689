from __future__ import annotations

from pathlib import Path

import pytest

from anonymize.config import load_config
from anonymize.errors import ConfigError


def written(directory: Path, text: str) -> Path:
    path = directory / "concord.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'institution = "CN-1"\n[server]\nurl = "https://a.example"\nclient_id = "cron"')
    config = load_config(path, {"CONCORD_SERVER_URL": "https://b.example/"})
    assert (config.institution, config.client_id, config.need_server_url()) == ("CN-1", "cron", "https://b.example")


def test_the_environment_alone_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_config(None, {"CONCORD_INSTITUTION": "CN-1"}).need("institution") == "CN-1"


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(None, {"CONCORD_CONFIG": str(tmp_path / "nowhere.toml")})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("institution = ", "not valid TOML"),
        ('[server]\nadress = "x"', r"server\.adress is no setting; there are: institution, server\.url"),
        ('[server]\nclient_secret = "x"', r"server\.client_secret is no setting"),
        ("institution = 7", "institution must be text in quotes"),
        ('[signing.key_file]\na = "b"', r"signing\.key_file must be text"),
        ('server = "https://a.example"', "server is no setting"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_config(written(tmp_path, text), {})


@pytest.mark.parametrize("url", ["http://concord.example", "ftp://concord.example", "concord.example", "https://"])
def test_only_https_leaves_the_machine(tmp_path: Path, url: str) -> None:
    config = load_config(written(tmp_path, ""), {"CONCORD_SERVER_URL": url})
    with pytest.raises(ConfigError, match="https://"):
        config.need_server_url()


@pytest.mark.parametrize("url", ["https://[::1", "https://concord.example:port"])
def test_an_address_that_is_none_is_told(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="is no address"):
        load_config(written(tmp_path, ""), {"CONCORD_SERVER_URL": url}).need_server_url()


def test_a_secret_may_come_from_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    config = load_config(written(tmp_path, '[server]\nclient_secret_file = "secret"'), {})
    assert config.need_client_secret() == "from a file"


@pytest.mark.parametrize("content", [None, ""])
def test_a_secret_file_that_is_missing_or_empty_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "secret").write_text(content)
    config = load_config(written(tmp_path, '[server]\nclient_secret_file = "secret"'), {})
    with pytest.raises(ConfigError, match="secret"):
        config.need_client_secret()


def test_what_is_missing_is_named_with_both_places(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"server\.client_id.*concord\.toml.*CONCORD_CLIENT_ID"):
        load_config(written(tmp_path, ""), {}).need("client_id")


def test_a_printed_configuration_shows_no_secret(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, ""), {"CONCORD_CLIENT_SECRET": "hush", "CONCORD_PASSPHRASE": "hush"})
    assert "hush" not in repr(config)


@pytest.mark.parametrize("name", ["../etc", "a/b", "", ".hidden"])
def test_nothing_is_kept_outside_the_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="file name"):
        load_config(written(tmp_path, ""), {}).kept("rounds", name, ".json")


def test_unpinned_consortium_keys_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="concord init"):
        load_config(written(tmp_path, ""), {}).pinned_keys()
