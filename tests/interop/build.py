"""A member's own program in Python: `python build.py seal|receipt`, its task as JSON on standard input.

Written from docs/contracts/sealed-package.md with jwcrypto and pyhpke, without anything of Concord's; the numbers are
sections of that page. pyhpke has no X-Wing: it is put together here from ML-KEM-768 and X25519 as its draft says, and
handed to pyhpke's key schedule as one more KEM.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import time
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from pyhpke import AEADId, CipherSuite, KDFId, KEMId
from pyhpke.aead import AEAD
from pyhpke.kdf import KDF
from pyhpke.kem_interface import KEMInterface

X_WING_ID = 0x647A
X_WING_LABEL = b"\\.//^\\"


class XWing(KEMInterface):
    """draft-connolly-cfrg-xwing-kem: a shared secret of both, hashed with what X25519 sent and received."""

    id = SimpleNamespace(value=X_WING_ID)

    def encap(self, pkr, sks=None, eks=None):
        of_mlkem, of_x25519 = pkr[:1184], pkr[1184:]
        own = X25519PrivateKey.generate()
        ct_x = own.public_key().public_bytes_raw()
        ss_x = own.exchange(X25519PublicKey.from_public_bytes(of_x25519))
        ss_m, ct_m = MLKEM768PublicKey.from_public_bytes(of_mlkem).encapsulate()
        secret = hashlib.sha3_256(ss_m + ss_x + ct_x + of_x25519 + X_WING_LABEL).digest()
        return secret, ct_m + ct_x


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified(signed: str, jwks: dict, use: str, typ: str) -> dict:
    """3: a signature counts only by a key of the consortium's set that is for this use."""
    token = JWS()
    token.deserialize(signed)
    header = token.jose_header
    keys = [each for each in jwks["keys"] if (each["kid"], each["concord_use"]) == (header["kid"], use)]
    if not keys or header["typ"] != typ:
        raise SystemExit(f"not signed by the consortium for {use}")
    members = {name: value for name, value in keys[0].items() if name in {"kty", "crv", "x", "y"}}
    token.verify(JWK(**members))
    return json.loads(token.payload)


def sealing_key(round_: dict, jwks: dict, suite: str) -> dict:
    """3: the key is taken out of the verified signature, never from the text beside it."""
    for each in round_["sealing_keys"]:
        claims = verified(each["signature"], jwks, "round-keys", "concord-round-key+jws")
        if (claims["round"], claims["jwk"]["suite"]) == (round_["id"], suite):
            return claims["jwk"]
    raise SystemExit(f"the round has no key of suite {suite}")


def rkid(jwk: dict) -> str:
    names = ("alg", "kty", "pub") if jwk["kty"] == "AKP" else ("crv", "kty", "x")
    text = json.dumps({name: jwk[name] for name in names}, separators=(",", ":"))
    return b64(hashlib.sha256(text.encode()).digest())


def encrypted(cube: bytes, jwk: dict, suite: str, info: bytes) -> bytes:
    """1: `enc || ct`, base mode, single shot, no aad."""
    if suite == "X-Wing":
        suite_id = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (X_WING_ID, 1, 2))
        hpke = CipherSuite(XWing(), KDF(KDFId.HKDF_SHA256, suite_id), AEAD(AEADId.AES256_GCM))
        key = unb64(jwk["pub"])
    else:
        hpke = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM)
        key = hpke.kem.deserialize_public_key(unb64(jwk["x"]))
    enc, context = hpke.create_sender_context(key, info=info)
    return enc + context.seal(cube)


def seal(task: dict) -> str:
    """1 and 2: build the header, encode it once, seal with it, sign the same encoded bytes."""
    round_, key = task["round"], JWK(**task["signing_key"])
    recipient = sealing_key(round_, task["jwks"], task["suite"])
    header = {
        "alg": "ES256" if task["signing_key"]["kty"] == "EC" else "Ed25519",
        "kid": key.thumbprint(),
        "typ": "concord-sealed+jws",
        "cty": task["cty"],
        "iss": task["institution"],
        "aud": round_["audience"],
        "sub": round_["id"],
        "iat": int(time.time()),
        "hpke": task["suite"],
        "rkid": rkid(recipient),
    }
    text = json.dumps(header, indent=1)  # any JSON will do, as long as it is encoded once
    token = JWS(encrypted(base64.b64decode(task["cube"]), recipient, task["suite"], b64(text.encode()).encode()))
    token.allowed_algs = ["Ed25519", "ES256"]
    token.add_signature(key, protected=text)
    return token.serialize(compact=True)


def receipt(task: dict) -> str:
    """4: the receipt is the consortium's, and about exactly these bytes."""
    claims = verified(task["receipt"], task["jwks"], "receipts", "concord-receipt+jws")
    sent = task["package"].encode()
    if (claims["sha256"], claims["bytes"]) != (hashlib.sha256(sent).hexdigest(), len(sent)):
        raise SystemExit("a receipt for other bytes")
    return json.dumps(claims)


if __name__ == "__main__":
    sys.stdout.write({"seal": seal, "receipt": receipt}[sys.argv[1]](json.load(sys.stdin)))
