"""The sealing script's cryptography, run by Node: against RFC 9180, and opened by the platform's own code."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest

from anonymize.package import SDMX_CSV, SealingKeyPair, SigningKey, open_sealed, read_registration, sign_jwk, verify
from anonymize.package.consortium import sign_claims

SCRIPTS = Path(__file__).resolve().parents[2] / "sharing/static/sharing/js"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="no Node on this machine")


def run(source: str, given: object = None):
    """What the module prints, as JSON. `given` is its constant of this name."""
    program = f"const given = {json.dumps(given)};\n{source}"
    done = subprocess.run(
        [NODE, "--experimental-detect-module", "--no-warnings", "--input-type=module", "-"],
        input=program,
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_hpke_is_that_of_rfc_9180():
    """Appendix A.1.1: the shared secret, and with it the key and the nonce (there of AES-128-GCM)."""
    found = run(
        """
        import { encapsulate, keySchedule } from "./hpke.js";
        import { base64url, hex } from "./encoding.js";
        const bytes = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
        const x = base64url(bytes(given.pkEm));
        const jwk = { kty: "OKP", crv: "X25519", x };
        const ephemeral = {
          privateKey: await crypto.subtle.importKey("jwk", { ...jwk, d: base64url(bytes(given.skEm)) }, "X25519", false, ["deriveBits"]),
          publicKey: await crypto.subtle.importKey("jwk", jwk, "X25519", true, []),
        };
        const { enc, shared } = await encapsulate(bytes(given.pkRm), ephemeral);
        const { key, nonce } = await keySchedule(shared, bytes(given.info), { id: 1, keyLength: 16 });
        console.log(JSON.stringify({ enc: hex(enc), shared: hex(shared), key: hex(key), nonce: hex(nonce) }));
        """,
        {
            "info": "4f6465206f6e2061204772656369616e2055726e",
            "pkEm": "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
            "skEm": "52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736",
            "pkRm": "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
        },
    )
    assert found == {
        "enc": "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
        "shared": "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc",
        "key": "4531685d41d65f03dc48f6b8302c05b0",
        "nonce": "56d890e5accaaf011cff4b7d",
    }


SEALING = """
import { makeSigningKey } from "./jws.js";
import { registrationRequest, sealPackage, SDMX_CSV } from "./package.js";
import { fromBase64url, utf8 } from "./encoding.js";
if (given.lacks_ed25519) {
  const make = crypto.subtle.generateKey.bind(crypto.subtle);
  crypto.subtle.generateKey = (algorithm, ...more) => {
    if (algorithm.name === "Ed25519") throw new DOMException("", "NotSupportedError");
    return make(algorithm, ...more);
  };
}
const key = await makeSigningKey();
const to = { institution: "HARBOUR", audience: "concord-test", round: "r-1",
             key: { rkid: given.jwk.kid, raw: fromBase64url(given.jwk.x) } };
const text = "A,B\\n" + "逾期,1\\n".repeat(given.lines);
let isPrivate = false;
try { await crypto.subtle.exportKey("jwk", key.privateKey); } catch { isPrivate = true; }
console.log(JSON.stringify({ jwk: key.jwk, kid: key.kid, isPrivate,
  packed: await sealPackage(utf8(text), SDMX_CSV, to, key, given.now),
  request: await registrationRequest(key, "HARBOUR", "concord-test", given.now) }));
"""


@pytest.mark.parametrize("lacks_ed25519", [False, True])
@pytest.mark.parametrize("lines", [0, 1, 100_000])
def test_what_the_script_seals_the_platform_opens(lacks_ed25519, lines):
    pair, now = SealingKeyPair.generate("X25519"), int(time.time())
    jwk = pair.public_jwk()
    made = run(SEALING, {"jwk": jwk, "now": now, "lines": lines, "lacks_ed25519": lacks_ed25519})

    assert made["isPrivate"]
    registered = read_registration(made["request"], "HARBOUR", "concord-test", now)
    assert registered["kid"] == made["kid"]
    assert registered["crv"] == ("P-256" if lacks_ed25519 else "Ed25519")
    envelope = verify(
        made["packed"].encode(),
        keys={registered["kid"]: registered},
        audience="concord-test",
        round_id="r-1",
        institution="HARBOUR",
        rkids={jwk["kid"]},
    )
    assert envelope.media_type == SDMX_CSV
    assert open_sealed(envelope, pair).decode() == "A,B\n" + "逾期,1\n" * lines


JUDGING = """
import { roundKey, verifiedReceipt } from "./package.js";
const said = async (ask) => {
  try { await ask(); return "good"; } catch (wrong) { return wrong.rule ?? `${wrong}`; }
};
const answers = [];
for (const { signature, round } of given.round_keys ?? []) {
  answers.push(await said(() => roundKey({ id: round, sealing_keys: [{ signature }] }, given.jwks)));
}
for (const { receipt, packed, isTrial } of given.receipts ?? []) {
  answers.push(await said(() => verifiedReceipt(receipt, packed, { round: "r-1", institution: "HARBOUR" }, given.jwks, isTrial === true)));
}
console.log(JSON.stringify(answers));
"""


def _consortium():
    keys = {use: SigningKey.generate() for use in ("receipts", "round-keys")}
    return keys, {"keys": [{**key.public_jwk(), "concord_use": use} for use, key in keys.items()]}


def test_a_round_key_is_believed_only_when_the_vault_signed_it_for_this_round():
    keys, jwks = _consortium()
    stranger = SigningKey.generate()
    jwk, hybrid = (SealingKeyPair.generate(suite).public_jwk() for suite in ("X25519", "X-Wing"))
    good = sign_jwk(jwk, "r-1", keys["round-keys"])
    tampered = good[:-6] + ("AAAAAA" if not good.endswith("AAAAAA") else "BBBBBB")
    tried = {
        good: "good",
        sign_jwk(jwk, "r-2", keys["round-keys"]): "wrong-round",
        sign_jwk(jwk, "r-1", keys["receipts"]): "wrong-key-use",
        sign_jwk(jwk, "r-1", stranger): "unknown-key",
        sign_jwk(hybrid, "r-1", keys["round-keys"]): "wrong-sealing-key",
        good + ".": "malformed",
        "": "malformed",
    }
    answers = run(JUDGING, {"jwks": jwks, "round_keys": [{"signature": each, "round": "r-1"} for each in tried]})
    assert answers == list(tried.values())
    assert run(JUDGING, {"jwks": jwks, "round_keys": [{"signature": tampered, "round": "r-1"}]})[0] in {
        "bad-signature",
        "malformed",  # no strict base64url any more
    }


def test_the_vectors_of_the_contract_are_judged_as_everywhere():
    vectors = json.loads((Path(__file__).parents[1] / "vectors/sealed/vectors.json").read_text())
    given = vectors["round_key_signatures"]
    cases = [(case, None) for case in given["valid"]] + [(case, case["rule"]) for case in given["invalid"]]
    signatures = [{"signature": case["signature"], "round": vectors["context"]["round"]} for case, _rule in cases]
    answers = run(JUDGING, {"jwks": vectors["context"]["consortium_jwks"], "round_keys": signatures})
    for (case, rule), answer in zip(cases, answers, strict=True):
        if rule is None:
            assert answer in {"good", "wrong-sealing-key"}, case  # a hybrid key alone is of no use to a browser
        else:
            assert answer not in {"good"}, case
    assert "good" in answers


def test_a_receipt_about_another_package_is_not_believed():
    keys, jwks = _consortium()
    packed = "a.b.c"

    def receipt(key="receipts", **changes):
        claims = {
            "institution": "HARBOUR",
            "round": "r-1",
            "sha256": hashlib.sha256(packed.encode()).hexdigest(),
            "bytes": len(packed),
        }
        return sign_claims({**claims, **changes}, "concord-receipt+jws", keys[key])

    tried = {
        receipt(): "good",
        receipt(sha256="0" * 64): "other-package",
        receipt(bytes=4): "other-package",
        receipt(round="r-2"): "other-package",
        receipt(institution="OTHER"): "other-package",
        receipt("round-keys"): "wrong-key-use",
    }
    answers = run(JUDGING, {"jwks": jwks, "receipts": [{"receipt": each, "packed": packed} for each in tried]})
    assert answers == list(tried.values())


def test_a_trials_receipt_is_no_receipt_and_a_key_that_ended_vouches_for_nothing_later():
    keys, jwks = _consortium()
    claims = {
        "institution": "HARBOUR",
        "round": "r-1",
        "sha256": hashlib.sha256(b"a.b.c").hexdigest(),
        "bytes": 5,
        "received_at": "2026-11-20T10:00:00+00:00",
    }
    in_earnest, trial = (sign_claims(claims, f"concord-{kind}receipt+jws", keys["receipts"]) for kind in ("", "trial-"))
    tried = [(in_earnest, False), (trial, True), (trial, False), (in_earnest, True)]
    cases = [{"receipt": each, "packed": "a.b.c", "isTrial": is_trial} for each, is_trial in tried]
    assert run(JUDGING, {"jwks": jwks, "receipts": cases}) == ["good", "good", "wrong-type", "wrong-type"]

    received = datetime.fromisoformat(claims["received_at"]).timestamp()
    for until, answer in ((int(received) + 1, "good"), (int(received) - 1, "ended-key")):
        jwks["keys"][0]["concord_until"] = jwks["keys"][1]["concord_until"] = until
        assert run(JUDGING, {"jwks": jwks, "receipts": cases[:1]}) == [answer]
    signed = sign_jwk(SealingKeyPair.generate("X25519").public_jwk(), "r-1", keys["round-keys"])
    jwks["keys"][1]["concord_until"] = 1
    assert run(JUDGING, {"jwks": jwks, "round_keys": [{"signature": signed, "round": "r-1"}]}) == ["ended-key"]
