// HPKE (RFC 9180), base mode, single shot, sealing only: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

import { concat, utf8 } from "./encoding.js";

const AES_256_GCM = { id: 2, keyLength: 32 };
const KEM = concat(utf8("KEM"), number(0x0020));
const suite = (aead) => concat(utf8("HPKE"), number(0x0020), number(0x0001), number(aead.id));
const EMPTY = new Uint8Array(0);

function number(value) {
  return Uint8Array.of(value >> 8, value & 255);
}

async function hmac(key, data) {
  // A missing salt is a block of zeros; a key without any bytes is refused.
  const raw = key.length ? key : new Uint8Array(32);
  const imported = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

const extract = (suiteId, salt, label, secret) => hmac(salt, concat(utf8("HPKE-v1"), suiteId, utf8(label), secret));

// One block of SHA-256 is enough: nothing longer than 32 bytes is asked for.
async function expand(suiteId, secret, label, info, length) {
  const labelled = concat(number(length), utf8("HPKE-v1"), suiteId, utf8(label), info);
  return (await hmac(secret, concat(labelled, Uint8Array.of(1)))).subarray(0, length);
}

// { enc, shared } for the recipient's raw public key; `ephemeral` is a key pair that is used once.
export async function encapsulate(recipient, ephemeral) {
  const publicKey = await crypto.subtle.importKey("raw", recipient, { name: "X25519" }, true, []);
  const bits = await crypto.subtle.deriveBits({ name: "X25519", public: publicKey }, ephemeral.privateKey, 256);
  const secret = new Uint8Array(bits);
  if (secret.every((byte) => byte === 0)) throw new Error("the sealing key is no point of the curve");
  const enc = new Uint8Array(await crypto.subtle.exportKey("raw", ephemeral.publicKey));
  const pseudorandom = await extract(KEM, EMPTY, "eae_prk", secret);
  const shared = await expand(KEM, pseudorandom, "shared_secret", concat(enc, recipient), 32);
  return { enc, shared };
}

export async function keySchedule(shared, info, aead = AES_256_GCM) {
  const suiteId = suite(aead);
  const context = concat(
    Uint8Array.of(0),
    await extract(suiteId, EMPTY, "psk_id_hash", EMPTY),
    await extract(suiteId, EMPTY, "info_hash", info),
  );
  const secret = await extract(suiteId, shared, "secret", EMPTY);
  return {
    key: await expand(suiteId, secret, "key", context, aead.keyLength),
    nonce: await expand(suiteId, secret, "base_nonce", context, 12),
  };
}

// enc || ct. A key and a nonce of its own for every message: the ephemeral key is made here and forgotten here.
export async function seal(plaintext, recipient, info) {
  const ephemeral = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
  const { enc, shared } = await encapsulate(recipient, ephemeral);
  const { key, nonce } = await keySchedule(shared, info);
  const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  const ct = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, imported, plaintext);
  return concat(enc, new Uint8Array(ct));
}
