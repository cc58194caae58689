// The sealed package, the request to register a key, the round's key and the receipt (docs/contracts).

import { base64url, fromBase64url, hex, sha256, thumbprint, utf8 } from "./encoding.js";
import { seal } from "./hpke.js";
import { encoded, Mistrusted, sign, verifiedClaims } from "./jws.js";

export const SDMX_CSV = "application/vnd.sdmx.data+csv";

// The X25519 key that the consortium's vault signed for this round: { rkid, raw, signedBy }. Taken from what was signed.
export async function roundKey(round, jwks) {
  for (const { signature } of round.sealing_keys) {
    const { claims, kid } = await verifiedClaims(signature, "concord-round-key+jws", jwks, "round-keys");
    if (claims.round !== round.id) throw new Mistrusted("wrong-round");
    const jwk = claims.jwk;
    if (jwk?.suite !== "X25519") continue;
    const rkid = await thumbprint({ kty: "OKP", crv: "X25519", x: jwk.x });
    const raw = fromBase64url(jwk.x);
    if (jwk.kty !== "OKP" || jwk.crv !== "X25519" || jwk.kid !== rkid || raw.length !== 32) throw new Mistrusted("malformed");
    return { rkid, raw, signedBy: kid };
  }
  throw new Mistrusted("wrong-sealing-key");
}

// `to` says institution, audience, round and the sealing key; `at` is in unix seconds.
export async function sealPackage(plaintext, mediaType, to, signingKey, at) {
  const header = encoded({
    alg: signingKey.alg,
    kid: signingKey.kid,
    typ: "concord-sealed+jws",
    cty: mediaType,
    iss: to.institution,
    aud: to.audience,
    sub: to.round,
    iat: Math.floor(at),
    hpke: "X25519",
    rkid: to.key.rkid,
  });
  const payload = base64url(await seal(plaintext, to.key.raw, utf8(header)));
  return sign(header, payload, signingKey);
}

export function registrationRequest(signingKey, institution, audience, at) {
  const header = encoded({
    alg: signingKey.alg,
    kid: signingKey.kid,
    jwk: signingKey.jwk,
    typ: "concord-key-registration+jws",
  });
  return sign(header, encoded({ iss: institution, aud: audience, iat: Math.floor(at) }), signingKey);
}

// The receipt's claims when it is the consortium's and about exactly this package; Mistrusted otherwise. A trial's is of
// another type, so that it never passes for one.
export async function verifiedReceipt(receipt, packed, to, jwks, isTrial = false) {
  const typ = isTrial ? "concord-trial-receipt+jws" : "concord-receipt+jws";
  const { claims } = await verifiedClaims(receipt, typ, jwks, "receipts", "received_at");
  const bytes = utf8(packed);
  const isOurs = claims.sha256 === hex(await sha256(bytes)) && claims.bytes === bytes.length;
  if (!isOurs || claims.round !== to.round || claims.institution !== to.institution) throw new Mistrusted("other-package");
  return claims;
}
