"""Where a key-encryption key may be, and that each place wraps, unwraps and refuses alike."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from anonymize.errors import KeyStoreError
from anonymize.package import wrap
from consortium.key_encryption import KeyEncryption, keyring

PRIVATE = bytes(range(32))
PURPOSE = "delinquency-2026-10/a-key-id"
MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
PIN = "1234"


def local(byte: int = 7) -> str:
    return urlsafe_b64encode(bytes([byte]) * 32).rstrip(b"=").decode()


class KeyServer(BaseHTTPRequestHandler):
    """The transit API as far as it is used: one key, AES-GCM with associated data, one token."""

    keys = AESGCM(b"k" * 32)
    answers: list[tuple[int, bytes]] = []  # said instead, once each
    asked: list[tuple[str, dict[str, str]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, body))
        if self.answers:
            return self._say(*self.answers.pop())
        if self.headers.get("X-Vault-Token") != "the-token":
            return self._say(403, b'{"errors": ["permission denied"]}')
        about = b64decode(body["associated_data"])
        if self.path == "/v1/transit/encrypt/rounds":
            nonce = os.urandom(12)
            sealed = nonce + self.keys.encrypt(nonce, b64decode(body["plaintext"]), about)
            return self._data("ciphertext", "vault:v1:" + b64encode(sealed).decode())
        if self.path == "/v1/transit/decrypt/rounds":
            sealed = b64decode(body["ciphertext"].removeprefix("vault:v1:"))
            try:
                return self._data("plaintext", b64encode(self.keys.decrypt(sealed[:12], sealed[12:], about)).decode())
            except InvalidTag:
                return self._say(400, b'{"errors": ["cipher: message authentication failed"]}')
        return self._say(404, b"{}")

    def _data(self, name: str, value: str) -> None:
        self._say(200, json.dumps({"data": {name: value}}).encode())

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def key_server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), KeyServer)
    KeyServer.answers, KeyServer.asked = [], []
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"transit:http://127.0.0.1:{server.server_port}/v1/transit/keys/rounds"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of an AES key in a fresh software token."""
    pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed: the extra pkcs11")
    module = next((each for each in MODULES if Path(each).exists()), None)
    if module is None or not shutil.which("softhsm2-util"):
        pytest.skip("softhsm2 is not installed, which stands for a hardware module here")
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    init = ["softhsm2-util", "--init-token", "--free", "--label", "concord", "--pin", PIN, "--so-pin", PIN]
    subprocess.run(init, check=True, capture_output=True)
    with pkcs11.lib(module).get_token(token_label="concord").open(rw=True, user_pin=PIN) as session:
        for label in ("rounds", "former"):
            session.generate_key(pkcs11.KeyType.AES, 256, label=label, store=True)
    return f"pkcs11:token=concord;object=rounds?module-path={module}"


@pytest.fixture(params=["local", "token", "key_server"])
def kek(request: pytest.FixtureRequest) -> KeyEncryption:
    address = local() if request.param == "local" else request.getfixturevalue(request.param)
    return keyring(address, pin=PIN, secret="the-token").current


def test_what_was_wrapped_unwraps(kek):
    wrapped = kek.wrap(PRIVATE, PURPOSE)

    assert kek.unwrap(wrapped, PURPOSE) == PRIVATE
    assert PRIVATE not in wrapped
    assert kek.wrap(PRIVATE, PURPOSE) != wrapped


def test_a_wrapped_key_serves_one_purpose(kek):
    wrapped = kek.wrap(PRIVATE, PURPOSE)

    with pytest.raises(KeyStoreError):
        kek.unwrap(wrapped, "delinquency-2026-11/a-key-id")


def test_a_changed_wrapped_key_does_not_unwrap(kek):
    wrapped = kek.wrap(PRIVATE, PURPOSE)
    for changed in (wrapped[:-1], wrapped[:-4] + b"AAA=", b"", b"\x00" * 60):
        with pytest.raises(KeyStoreError):
            kek.unwrap(changed, PURPOSE)


def test_a_key_has_a_name_that_is_no_secret(kek):
    assert 0 < len(kek.id) <= 120
    assert "1234" not in kek.id
    assert "the-token" not in kek.id
    assert local() not in kek.id


def test_a_wrong_pin_opens_nothing(token):
    with pytest.raises(KeyStoreError, match="Nothing was opened"):
        keyring(token, pin="9999").current.wrap(PRIVATE, PURPOSE)


def test_a_key_that_the_token_lacks_is_told(token):
    with pytest.raises(KeyStoreError, match="did not use its key nothing"):
        keyring(token.replace("object=rounds", "object=nothing"), pin=PIN).current.wrap(PRIVATE, PURPOSE)


def test_another_key_of_the_token_opens_nothing(token):
    wrapped = keyring(token, pin=PIN).current.wrap(PRIVATE, PURPOSE)

    with pytest.raises(KeyStoreError):
        keyring(token.replace("object=rounds", "object=former"), pin=PIN).current.unwrap(wrapped, PURPOSE)


def test_the_purpose_goes_to_the_key_server_as_associated_data(key_server):
    keyring(key_server, secret="the-token").current.wrap(PRIVATE, PURPOSE)

    ((path, body),) = KeyServer.asked
    assert path == "/v1/transit/encrypt/rounds"
    assert b64decode(body["associated_data"]).decode() == PURPOSE


@pytest.mark.parametrize(
    "answer",
    [
        (500, b""),
        (302, b""),
        (200, b"no json"),
        (200, b"[]"),
        (200, b'{"data": {"plaintext": 7}}'),
        (200, b'{"data": {"plaintext": "***"}}'),
        (200, b'{"data": {"ciphertext": 7}}'),
    ],
)
def test_a_key_server_that_fails_is_told_without_what_was_sent(key_server, answer):
    kek = keyring(key_server, secret="the-token").current
    wrapped = kek.wrap(PRIVATE, PURPOSE)
    KeyServer.answers = [answer]

    with pytest.raises(KeyStoreError, match="Nothing was opened") as refusal:
        kek.unwrap(wrapped, PURPOSE)

    assert wrapped.decode() not in str(refusal.value)


def test_a_key_server_that_is_away_is_told():
    kek = keyring("transit:http://127.0.0.1:9/v1/transit/keys/rounds", secret="the-token").current

    with pytest.raises(KeyStoreError, match="ConnectError"):
        kek.wrap(PRIVATE, PURPOSE)


def test_a_wrong_token_opens_nothing(key_server):
    with pytest.raises(KeyStoreError, match="status 403"):
        keyring(key_server, secret="another").current.wrap(PRIVATE, PURPOSE)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", "has 32 bytes"),
        ("c2hvcnQ", "has 32 bytes"),
        ("不", "32 bytes in base64url"),
        ("pkcs11:", "lacks token and object and module-path"),
        ("pkcs11:token=a;object=b", "lacks module-path"),
        ("pkcs11:token=a;object=b?module-path=/x&pin-value=1234", "a PIN never stands in it"),
        ("transit:", "that of a key"),
        ("transit:https://host/v1/transit/encrypt/rounds", "that of a key"),
        ("transit:https://host/v1/transit/keys/", "that of a key"),
        ("transit:https://host/v1/transit/keys/a/b", "that of a key"),
        ("transit:http://keys.example/v1/transit/keys/rounds", "must begin with transit:https"),
        ("transit:https://host/v1/transit/keys/" + "x" * 200, "too long"),
    ],
)
def test_an_address_that_cannot_be_is_told_at_once(address, sentence):
    with pytest.raises(KeyStoreError, match=sentence):
        keyring(address, pin=PIN, secret="the-token")


def test_a_module_needs_its_pin_and_a_server_its_token():
    with pytest.raises(KeyStoreError, match="CONCORD_KEK_PIN"):
        keyring("pkcs11:token=a;object=b?module-path=/x")
    with pytest.raises(KeyStoreError, match="CONCORD_KEK_TOKEN"):
        keyring("transit:https://host/v1/transit/keys/rounds")


# Several keys


def test_a_former_key_still_unwraps_and_wraps_nothing():
    former, ring = keyring(local(1)), keyring(local(2), [local(1)])
    wrapped = former.current.wrap(PRIVATE, PURPOSE)

    assert ring.unwrap(wrapped, former.current.id, PURPOSE) == PRIVATE
    with pytest.raises(KeyStoreError):
        former.unwrap(ring.current.wrap(PRIVATE, PURPOSE), ring.current.id, PURPOSE)


def test_a_key_that_is_not_here_is_named():
    former = keyring(local(1)).current

    with pytest.raises(KeyStoreError, match=former.id):
        keyring(local(2)).unwrap(former.wrap(PRIVATE, PURPOSE), former.id, PURPOSE)


def test_what_was_wrapped_before_keys_had_names_unwraps():
    wrapped = wrap(PRIVATE, bytes([1]) * 32, PURPOSE)

    assert keyring(local(2), [local(1)]).unwrap(wrapped, "", PURPOSE) == PRIVATE
    with pytest.raises(KeyStoreError, match="does not open with any"):
        keyring(local(2)).unwrap(wrapped, "", PURPOSE)


def test_one_key_is_named_once():
    with pytest.raises(KeyStoreError, match="named twice"):
        keyring(local(), [local()])
