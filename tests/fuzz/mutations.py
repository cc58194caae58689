"""Structured mutations of what is signed: each knows the parts of a compact JWS and breaks one thing in its own way.

An *outsider* has no private key. An *insider* signs what was changed with the genuine key, so that what lies behind the
signature is reached too. Every mutation is drawn from the `Random` that it is given, so a seed repeats a run.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from anonymize.package import SigningKey
from anonymize.package.jose import encode
from tests.vectors.sealed import keys

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BASE64URL = string.ascii_letters + string.digits + "-_"
# Encodings of Curve25519 points of small order: a shared secret with one of them is all zeros.
LOW_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    b"\xec" + b"\xff" * 30 + b"\x7f",
    b"\xed" + b"\xff" * 30 + b"\x7f",
    b"\xee" + b"\xff" * 30 + b"\x7f",
]
STRANGE: list[Any] = [
    None,
    True,
    0,
    -1,
    2**53,
    2**64,
    10**400,
    1e308,
    1.5,
    "",
    " ",
    "none",
    "HS256",
    "RS256",
    "EdDSA",
    "ES256",
    "\x00",
    "\ud800",
    "é",
    "ＣＮ",
    "\u202e",
    "..",
    "../../x",
    "' OR 1=1 --",
    "x" * 300,
    "A" * 43,
    [],
    {},
    [["x"]],
    {"a": {"b": []}},
]


@dataclass(frozen=True)
class Genuine:
    """Something signed that is accepted as it is; `others` are further genuine texts, of this kind and of others."""

    text: str
    key: SigningKey
    others: tuple[str, ...] = field(repr=False)

    @property
    def parts(self) -> list[str]:
        return self.text.split(".")

    @property
    def header(self) -> dict[str, Any]:
        return dict(json.loads(decoded(self.parts[0])))


@dataclass(frozen=True)
class Mutant:
    """`content` as it is sent; `by_insider` when the genuine key signed it."""

    content: bytes
    by_insider: bool = False


Mutation = Callable[[Genuine, Random], Mutant]


def mutant(genuine: Genuine, random: Random) -> tuple[str, Mutant]:
    """One mutation by chance, with its name; now and then another on top of it."""
    name = random.choice(NAMES)
    made = MUTATIONS[name](genuine, random)
    if random.random() < 0.1:
        changed = _bytes_changed(made.content, random)
        # A byte may have been replaced by itself: then it is still what the insider signed.
        return f"{name}+bytes", made if changed == made.content else Mutant(changed)
    return name, made


def decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _text(text: str) -> Mutant:
    return Mutant(text.encode("utf-8", "surrogatepass"))


def _joined(parts: list[str]) -> Mutant:
    return _text(".".join(parts))


def _json(value: Any, random: Random) -> str:
    separators = random.choice([(",", ":"), (", ", ": ")])
    return encode(json.dumps(value, separators=separators, ensure_ascii=True).encode())


def _signed(header: str, payload: str, key: SigningKey) -> str:
    """A signature by the bare primitive, over whatever is given."""
    private = key._key.private_key
    data = f"{header}.{payload}".encode()
    if key.alg == "Ed25519":
        return f"{header}.{payload}.{encode(private.sign(data))}"
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    r, s = decode_dss_signature(private.sign(data, ECDSA(SHA256())))
    return f"{header}.{payload}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _bytes_changed(content: bytes, random: Random) -> bytes:
    data = bytearray(content)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(data) + 1)
        match random.randrange(4):
            case 0:
                data[at:at] = random.randbytes(random.randint(1, 4))
            case 1:
                del data[at : at + random.randint(1, 40)]
            case 2:
                data[at : at + 1] = bytes([random.randrange(256)])
            case _:
                data[at : at + 1] = random.choice(BASE64URL + ". \n\r\t=+/").encode()
    return bytes(data)


def bits(genuine: Genuine, random: Random) -> Mutant:
    data = bytearray(genuine.text.encode())
    for _ in range(random.choice([1, 1, 1, 2, 8])):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return Mutant(bytes(data))


def some_bytes(genuine: Genuine, random: Random) -> Mutant:
    return Mutant(_bytes_changed(genuine.text.encode(), random))


def cut(genuine: Genuine, random: Random) -> Mutant:
    start = random.choice([0, 0, 0, random.randrange(len(genuine.text))])
    return _text(genuine.text[start : random.randrange(len(genuine.text))])


def added(genuine: Genuine, random: Random) -> Mutant:
    more = random.choice(
        ["\n", " ", "\x00", "=", "==", ".", ".e30", "%00", "\ufeff", "\u200b", "A", genuine.text, "🙂"]
    )
    return _text(random.choice([genuine.text + more, more + genuine.text]))


def parts_moved(genuine: Genuine, random: Random) -> Mutant:
    """Parts of other genuine texts in the place of this one's, left out, doubled or in another order."""
    parts, other = genuine.parts, random.choice(genuine.others).split(".")
    match random.randrange(4):
        case 0:
            at = random.randrange(3)
            parts[at] = other[at]
        case 1:
            random.shuffle(parts)
        case 2:
            parts[random.randrange(3)] = ""
        case _:
            parts.insert(random.randrange(4), random.choice(parts + other))
    return _joined(parts)


def other_text(genuine: Genuine, random: Random) -> Mutant:
    """Another genuine text, of another kind or about something else."""
    return _text(random.choice(genuine.others))


def encoding(genuine: Genuine, random: Random) -> Mutant:
    """The same bytes in another base64: padding, the other alphabet, unused bits that are not zero, line ends."""
    parts = genuine.parts
    at = random.randrange(3)
    part = parts[at]
    match random.randrange(5):
        case 0:
            parts[at] = part + "=" * random.choice([1, 2, -len(part) % 4 or 4])
        case 1:
            parts[at] = part.replace("-", "+").replace("_", "/") if set(part) & {"-", "_"} else part + "+"
        case 2:
            spot = BASE64URL.index(part[-1])
            parts[at] = part[:-1] + BASE64URL[spot ^ random.randint(1, 3)]
        case 3:
            cut_at = random.randrange(len(part))
            parts[at] = part[:cut_at] + random.choice(["\n", "\r\n", " ", "\t"]) + part[cut_at:]
        case _:
            parts[at] = base64.standard_b64encode(decoded(part)).decode() + "."
    return _joined(parts)


def _edited(header: dict[str, Any], random: Random) -> dict[str, Any]:
    name = random.choice([*header, "crit", "b64", "jwk", "jku", "x5u", "x5c", "zip", "enc", "exp", "Alg", "kid ", ""])
    match random.randrange(4):
        case 0:
            header.pop(name, None)
        case 1 if isinstance(header.get(name), str) and header[name]:
            text = header[name]
            at = random.randrange(len(text))
            header[name] = text[:at] + random.choice([text[at].swapcase(), "x", "\u0430", " "]) + text[at + 1 :]
        case 2 if name in header:
            header[name] = header[random.choice(list(header))]
        case _:
            header[name] = random.choice(STRANGE)
    return header


def header_edited(genuine: Genuine, random: Random) -> Mutant:
    return _joined([_json(_edited(genuine.header, random), random), *genuine.parts[1:]])


def header_edited_by_insider(genuine: Genuine, random: Random) -> Mutant:
    header = _json(_edited(genuine.header, random), random)
    return Mutant(_signed(header, genuine.parts[1], genuine.key).encode(), by_insider=True)


def header_written_anew(genuine: Genuine, random: Random) -> Mutant:
    """The same members in another order or with other spaces, signed anew: what was sealed for the first must not open."""
    members = list(genuine.header.items())
    random.shuffle(members)
    header = encode(json.dumps(dict(members), indent=random.choice([None, 1, 2])).encode())
    return Mutant(_signed(header, genuine.parts[1], genuine.key).encode(), by_insider=True)


def member_twice(genuine: Genuine, random: Random) -> Mutant:
    text = decoded(genuine.parts[0]).decode()
    name, value = random.choice(list(genuine.header.items()))
    second = json.dumps({name: random.choice([value, *STRANGE])})[1:-1]
    doubled = random.choice([f"{{{second},{text[1:]}", f"{text[:-1]},{second}}}"])
    signed = _signed(encode(doubled.encode()), genuine.parts[1], genuine.key)
    return Mutant(signed.encode(), by_insider=True)


def header_not_json(genuine: Genuine, random: Random) -> Mutant:
    deep = random.randrange(500, 1500)
    raw = random.choice(
        [
            b"[" * deep + b"]" * deep,
            b'{"a":' * (deep // 5) + b"1" + b"}" * (deep // 5),
            b'{"alg":1' + b"0" * 3000 + b"}",
            b"\xff\xfe" + genuine.text.encode("utf-16-le")[:200],
            b"\xef\xbb\xbf" + decoded(genuine.parts[0]),
            b"null",
            b'"text"',
            b"NaN",
            b'{"iat":1e999}',
            b'{"iat":NaN}',
            random.randbytes(random.randrange(1, 400)),
        ]
    )
    return Mutant(_signed(encode(raw), genuine.parts[1], genuine.key).encode(), by_insider=True)


def strangers_signature(genuine: Genuine, random: Random) -> Mutant:
    """Signed by another key, under the genuine id or under its own, with the key in the header or not."""
    stranger = random.choice([keys.STRANGER, keys.REVOKED, keys.INSTITUTION, keys.CONSORTIUM, keys.VAULT])
    if stranger.kid == genuine.key.kid:
        stranger = keys.STRANGER
    header = genuine.header
    if random.random() < 0.5:
        header["kid"] = stranger.kid
    if random.random() < 0.3:
        header["jwk"] = stranger.public_jwk()
    header["alg"] = random.choice([header["alg"], stranger.alg, "EdDSA"])
    if isinstance(header.get("jwk"), dict) and header["jwk"].get("x") == stranger.public_jwk()["x"]:
        header["kid"] = genuine.key.kid  # registering a key of one's own under one's own id is allowed
    return Mutant(_signed(_json(header, random), genuine.parts[1], stranger).encode())


def no_signature(genuine: Genuine, random: Random) -> Mutant:
    """`none`, or a MAC whose secret is everybody's: the public key in any of its forms."""
    jwk = genuine.key.public_jwk()
    header = {**genuine.header, "alg": random.choice(["none", "None", "NONE", "HS256", "HS512", "dir"])}
    encoded = _json(header, random)
    data = f"{encoded}.{genuine.parts[1]}".encode()
    secret = random.choice([decoded(jwk["x"]), jwk["x"].encode(), json.dumps(jwk).encode(), b""])
    hash_ = hashlib.sha512 if header["alg"] == "HS512" else hashlib.sha256
    mac = encode(hmac.new(secret, data, hash_).digest())
    return _joined([encoded, genuine.parts[1], random.choice(["", mac, mac + mac, genuine.parts[2]])])


def json_form(genuine: Genuine, random: Random) -> Mutant:
    """The JSON serialisations of JWS, with protected and unprotected headers."""
    protected, payload, signature = genuine.parts
    one: dict[str, Any] = {"protected": protected, "signature": signature}
    if random.random() < 0.5:
        one["header"] = _edited(genuine.header, random)
    document = {"payload": payload, **one} if random.random() < 0.5 else {"payload": payload, "signatures": [one]}
    return Mutant(json.dumps(document).encode())


def payload_changed_by_insider(genuine: Genuine, random: Random) -> Mutant:
    """What is inside, changed under a valid signature: bits, length, the encapsulated key, claims."""
    payload = bytearray(decoded(genuine.parts[1]))
    match random.randrange(6):
        case 0:
            payload[random.randrange(len(payload))] ^= 1 << random.randrange(8)
        case 1:
            del payload[random.randrange(len(payload)) :]
        case 2:
            payload += random.randbytes(random.randint(1, 64))
        case 3:
            payload[:32] = random.choice(LOW_ORDER)
        case 4:
            foreign = decoded(random.choice(genuine.others).split(".")[1])
            size = random.choice([32, 1120, len(foreign)])
            payload[:size] = foreign[:size]
        case _:
            payload = bytearray(_claims(bytes(payload), random))
    signed = _signed(genuine.parts[0], encode(bytes(payload)) or "AA", genuine.key)
    return Mutant(signed.encode(), by_insider=True)


def _claims(payload: bytes, random: Random) -> bytes:
    try:
        claims = json.loads(payload)
    except ValueError:
        return random.randbytes(len(payload))
    return json.dumps(_edited(claims, random)).encode() if isinstance(claims, dict) else b"[]"


def mirrored_signature(genuine: Genuine, random: Random) -> Mutant:
    """Signatures that sloppy arithmetic takes for the same: S plus the group's order, R of small order, all zeros."""
    r, s = decoded(genuine.parts[2])[:32], decoded(genuine.parts[2])[32:]
    order = 2**252 + 27742317777372353535851937790883648493
    lifted = int.from_bytes(s, "little") + order * random.randint(1, 15)
    choices = [
        r + lifted.to_bytes(33, "little")[:32],
        bytes(64),
        random.choice(LOW_ORDER) + s,
        random.choice(LOW_ORDER) + bytes(32),
        s + r,
        r + (order - int.from_bytes(s, "little") % order).to_bytes(32, "little"),
        r + (P256_ORDER - int.from_bytes(s, "big") % P256_ORDER).to_bytes(32, "big"),
    ]
    return _joined([*genuine.parts[:2], encode(random.choice(choices))])


def huge(genuine: Genuine, random: Random) -> Mutant:
    """A part far beyond its limit; rare, because it takes its time."""
    if random.random() < 0.95:
        return bits(genuine, random)
    parts = genuine.parts
    parts[random.randrange(3)] += "A" * random.choice([5_000, 200_000, 2_000_000])
    return _joined(parts)


def noise(_genuine: Genuine, random: Random) -> Mutant:
    length = random.randrange(600)
    alphabet = random.choice([BASE64URL + ".", string.printable, "eyJ.{}\"':,"])
    return (
        _text("".join(random.choices(alphabet, k=length)))
        if random.random() < 0.7
        else Mutant(random.randbytes(length))
    )


MUTATIONS: Mapping[str, Mutation] = {
    each.__name__: each
    for each in (
        bits,
        some_bytes,
        cut,
        added,
        parts_moved,
        other_text,
        encoding,
        header_edited,
        header_edited_by_insider,
        header_written_anew,
        member_twice,
        header_not_json,
        strangers_signature,
        no_signature,
        json_form,
        payload_changed_by_insider,
        mirrored_signature,
        huge,
        noise,
    )
}
NAMES = tuple(MUTATIONS)
