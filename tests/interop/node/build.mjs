// A member's own program in JavaScript: `node build.mjs seal|receipt`, its task as JSON on standard input.
// Written from docs/contracts/sealed-package.md; the numbers are sections of that page.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import { base64url, calculateJwkThumbprint, compactVerify, importJWK } from "jose";

const KEMS = { "X-Wing": () => new XWing(), X25519: () => new DhkemX25519HkdfSha256() };
const ascii = (text) => new TextEncoder().encode(text);

// 3: a signature counts only by a key of the consortium's set that is for this use.
async function verified(signed, jwks, use, typ) {
  const { payload, protectedHeader } = await compactVerify(signed, async (header) => {
    const jwk = jwks.keys.find((key) => key.kid === header.kid && key.concord_use === use);
    if (!jwk) throw new Error(`no key of the consortium's for ${use}`);
    return importJWK(jwk, header.alg);
  });
  if (protectedHeader.typ !== typ) throw new Error(`not of type ${typ}`);
  return JSON.parse(new TextDecoder().decode(payload));
}

// 3: the key is taken out of the verified signature, never from the text beside it.
async function sealingKey(round, jwks, suite) {
  for (const { signature } of round.sealing_keys) {
    const claims = await verified(signature, jwks, "round-keys", "concord-round-key+jws");
    if (claims.round === round.id && claims.jwk.suite === suite) return claims.jwk;
  }
  throw new Error(`the round has no key of suite ${suite}`);
}

// X-Wing: over {"alg","kty","pub"}; X25519: over {"crv","kty","x"}. Members in this order, no spaces.
function rkid(jwk) {
  const members = jwk.kty === "AKP" ? { alg: jwk.alg, kty: jwk.kty, pub: jwk.pub } : { crv: jwk.crv, kty: jwk.kty, x: jwk.x };
  return createHash("sha256").update(JSON.stringify(members)).digest("base64url");
}

async function sign(header, payload, jwk, alg) {
  const input = ascii(`${header}.${payload}`);
  const usage = alg === "ES256" ? { name: "ECDSA", namedCurve: "P-256" } : { name: "Ed25519" };
  const { kty, crv, x, y, d } = jwk;
  const key = await crypto.subtle.importKey("jwk", { kty, crv, x, y, d }, usage, false, ["sign"]);
  const how = alg === "ES256" ? { name: "ECDSA", hash: "SHA-256" } : { name: "Ed25519" };
  return base64url.encode(new Uint8Array(await crypto.subtle.sign(how, key, input)));
}

// 1 and 2: build the header, encode it once, seal with it, sign the same encoded bytes.
async function seal({ round, jwks, suite, institution, signing_key, cube, cty }) {
  const recipient = await sealingKey(round, jwks, suite);
  const alg = signing_key.kty === "EC" ? "ES256" : "Ed25519";
  const header = base64url.encode(
    JSON.stringify({
      typ: "concord-sealed+jws",
      alg,
      kid: await calculateJwkThumbprint(signing_key),
      iss: institution,
      aud: round.audience,
      sub: round.id,
      iat: Math.floor(Date.now() / 1000),
      cty,
      hpke: suite,
      rkid: rkid(recipient),
    }),
  );
  const hpke = new CipherSuite({ kem: KEMS[suite](), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
  const raw = base64url.decode(recipient.pub ?? recipient.x);
  const recipientPublicKey = await hpke.kem.deserializePublicKey(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
  const sender = await hpke.createSenderContext({ recipientPublicKey, info: ascii(header).buffer });
  const ct = new Uint8Array(await sender.seal(new Uint8Array(Buffer.from(cube, "base64")).buffer));
  const enc = new Uint8Array(sender.enc);
  const payload = base64url.encode(Buffer.concat([enc, ct]));
  return `${header}.${payload}.${await sign(header, payload, signing_key, alg)}`;
}

// 4: the receipt is the consortium's, and about exactly these bytes.
async function receipt({ jwks, receipt: signed, package: sent }) {
  const claims = await verified(signed, jwks, "receipts", "concord-receipt+jws");
  const digest = createHash("sha256").update(sent).digest("hex");
  if (claims.sha256 !== digest || claims.bytes !== sent.length) throw new Error("a receipt for other bytes");
  return JSON.stringify(claims);
}

const task = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(await { seal, receipt }[process.argv[2]](task));
