// Compact JWS with Ed25519 or ES256, and the two things that the consortium signs.

import { base64url, fromBase64url, thumbprint, utf8 } from "./encoding.js";

export class Mistrusted extends Error {
  constructor(rule) {
    super(rule);
    this.rule = rule;
  }
}

const KINDS = {
  Ed25519: { key: { name: "Ed25519" }, sign: { name: "Ed25519" } },
  ES256: { key: { name: "ECDSA", namedCurve: "P-256" }, sign: { name: "ECDSA", hash: "SHA-256" } },
};
const CURVES = { Ed25519: "Ed25519", "P-256": "ES256" };
const PUBLIC = ["kty", "crv", "x", "y"];

const publicHalf = (jwk) => Object.fromEntries(PUBLIC.filter((name) => name in jwk).map((name) => [name, jwk[name]]));

// A signing key that never leaves this browser: not even this script can read its private half.
export async function makeSigningKey() {
  for (const alg of ["Ed25519", "ES256"]) {
    let pair;
    try {
      pair = await crypto.subtle.generateKey(KINDS[alg].key, false, ["sign", "verify"]);
    } catch {
      continue; // this browser lacks the curve
    }
    const jwk = publicHalf(await crypto.subtle.exportKey("jwk", pair.publicKey));
    return { alg, jwk, kid: await thumbprint(jwk), privateKey: pair.privateKey };
  }
  throw new Error("no signature algorithm");
}

export async function sign(header, payload, signingKey) {
  const input = `${header}.${payload}`;
  const signature = await crypto.subtle.sign(KINDS[signingKey.alg].sign, signingKey.privateKey, utf8(input));
  return `${input}.${base64url(new Uint8Array(signature))}`;
}

export const encoded = (object) => base64url(utf8(JSON.stringify(object)));

// The claims that a key of the consortium, of this use, has signed; Mistrusted otherwise, and NotSupportedError where this
// browser lacks the curve: that is nobody's lie.
//
// A key that has ended counts for what it dated before: `dated` names the claim with the moment, without it that is now.
export async function verifiedClaims(compact, typ, jwks, use, dated = null) {
  try {
    const found = await checked(compact, typ, jwks, use);
    const moment = dated ? Date.parse(found.claims[dated]) : Date.now();
    if (found.until !== undefined && !(moment / 1000 <= found.until)) throw new Mistrusted("ended-key");
    return found;
  } catch (wrong) {
    if (wrong instanceof Mistrusted || wrong.name === "NotSupportedError") throw wrong;
    throw new Mistrusted("malformed");
  }
}

async function checked(compact, typ, jwks, use) {
  const [head, body, signature, ...more] = compact.split(".");
  if (more.length || signature === undefined) throw new Mistrusted("malformed");
  const header = parsed(head);
  if (Object.keys(header).sort().join() !== "alg,kid,typ") throw new Mistrusted("unknown-header");
  if (header.typ !== typ) throw new Mistrusted("wrong-type");
  const named = jwks.keys.filter((key) => key.kid === header.kid);
  if (named.length !== 1 || (await thumbprint(named[0])) !== header.kid) throw new Mistrusted("unknown-key");
  if (named[0].concord_use !== use) throw new Mistrusted("wrong-key-use");
  const alg = CURVES[named[0].crv];
  if (alg !== header.alg && !(alg === "Ed25519" && header.alg === "EdDSA")) throw new Mistrusted("unsupported-algorithm");
  const key = await crypto.subtle.importKey("jwk", publicHalf(named[0]), KINDS[alg].key, false, ["verify"]);
  const isGood = await crypto.subtle.verify(KINDS[alg].sign, key, fromBase64url(signature), utf8(`${head}.${body}`));
  if (!isGood) throw new Mistrusted("bad-signature");
  return { claims: parsed(body), kid: header.kid, until: named[0].concord_until };
}

function parsed(segment) {
  const object = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(fromBase64url(segment)));
  if (typeof object !== "object" || object === null || Array.isArray(object)) throw new Mistrusted("malformed");
  return object;
}
