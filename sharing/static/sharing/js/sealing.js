// The sealing page: reads and checks a file, shows what will be sent, seals it and sends only what is sealed.

import { hex, sha256, utf8 } from "./encoding.js";
import { Mistrusted } from "./jws.js";
import { pin, pinned } from "./keystore.js";
import { OwnKey } from "./own_key.js";
import { roundKey, sealPackage, verifiedReceipt } from "./package.js";
import { readFile } from "./reading.js";
import { showFindings, showTotals, worded } from "./showing.js";

const facts = JSON.parse(document.getElementById("sealing-facts").textContent);
const template = facts.template;
const say = worded(facts.words);
const one = (selector) => document.querySelector(selector);
const language = document.documentElement.lang;

class SignedOut extends Error {}

// { content, mediaType, cube, packed } of the file that may be sent. The package is kept until it is received: sent again, it
// is the same one.
let ready = null;
let latest = 0; // the file chosen last; a slower one before it must not overtake
let round = null;
let jwks = null;
let to = null;

facts.token = one("[data-token] input").value;
for (const dimension of template.dimensions) dimension.index = new Map(dimension.codes.map((code, at) => [code.id, at]));

const ownKey = new OwnKey(document, facts, say, showPreview);

async function start() {
  if (!(await canSeal())) return trouble("no-browser");
  one("[data-trust] button").addEventListener("click", trustAnew);
  one("[data-send]").addEventListener("click", send);
  one("[data-trial]").addEventListener("change", () => ready && (ready.packed = null));
  const input = one("[data-file]");
  input.addEventListener("change", () => input.files[0] && take(input.files[0]));
  acceptDrops(one("[data-drop]"));
  for (const part of document.querySelectorAll("[data-script]")) part.hidden = false;
  await ownKey.start().catch(() => trouble("no-storage"));
}

async function canSeal() {
  try {
    await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
    return true;
  } catch {
    return false;
  }
}

function trouble(name) {
  one("[data-trouble] p").textContent = say(name);
  one("[data-trouble]").hidden = false;
}

function acceptDrops(zone) {
  const over = (event, is) => {
    event.preventDefault();
    zone.toggleAttribute("data-over", is);
  };
  zone.addEventListener("dragover", (event) => over(event, true));
  zone.addEventListener("dragleave", (event) => over(event, false));
  zone.addEventListener("drop", (event) => {
    over(event, false);
    if (event.dataTransfer.files.length && !one("[data-file]").disabled) take(event.dataTransfer.files[0]);
  });
}

async function take(file) {
  const mine = (latest += 1);
  ready = null;
  showPreview();
  one("[data-received]").hidden = true;
  one("[data-status]").textContent = say("reading", { name: file.name });
  const read = await readFile(file, template, facts.limit, facts.institution);
  if (mine !== latest) return;
  one("[data-file]").value = ""; // the same file, corrected, can be chosen again
  showFindings(one("[data-findings]"), read.findings, say);
  one("[data-status]").textContent = summary(read);
  if (!read.content) return;
  ready = read;
  await showPreview();
}

function summary({ findings, cube, content }) {
  const errors = findings.all.length + findings.more.reduce((sum, [, number]) => sum + number, 0);
  if (!content) return errors === 1 ? say("one-finding") : say("findings", { number: errors });
  const parts = [say(errors ? "warned" : "clean", counts(cube))];
  if (cube.added.length) parts.push(say("added", { columns: cube.added.join(", ") }));
  if (template.measures.every((measure) => cube.values[measure.id][0] === 0)) parts.push(say("zero"));
  return parts.join(" ");
}

const counts = (cube) => ({
  cells: cube.lines.length.toLocaleString(language),
  withheld: cube.withheld.reduce((sum, each) => sum + each, 0).toLocaleString(language),
});

async function showPreview() {
  const preview = one("[data-preview]");
  if (ready) ready.packed = null; // the key may be another one now
  if (!ready || !ownKey.isInForce || !facts.isOpen) {
    preview.hidden = true;
    return;
  }
  const fact = (name, text) => (one(`[data-fact=${name}]`).textContent = text);
  const { cells, withheld } = ready.cube ? counts(ready.cube) : { cells: "–", withheld: "–" };
  fact("cells", cells);
  fact("withheld", withheld);
  fact("kid", ownKey.key.kid);
  showTotals(one("[data-totals]"), ready.cube, template, language);
  preview.hidden = false;
  await findRoundKey();
}

// Asks for the round's key and believes it only when the consortium's vault signed it, with the key that it always uses.
async function findRoundKey() {
  const button = one("[data-send]");
  button.disabled = true;
  one("[data-trust]").hidden = true;
  one("[data-sending]").textContent = "";
  to = null;
  try {
    [round, jwks] = await Promise.all([asked(facts.addresses.round), asked(facts.addresses.jwks)]);
    const key = await roundKey(round, jwks);
    one("[data-fact=rkid]").textContent = key.rkid;
    one("[data-fact=consortium]").textContent = key.signedBy;
    const known = await pinned(facts.audience);
    if (known && known !== key.signedBy) {
      one("[data-trust]").hidden = false;
      one("[data-sending]").textContent = say("trust-new", { kid: key.signedBy });
      return;
    }
    await pin(facts.audience, key.signedBy);
    to = { institution: facts.institution, audience: facts.audience, round: facts.round, key };
    button.disabled = false;
  } catch (wrong) {
    one("[data-sending]").textContent = why(wrong, "mistrusted");
    button.disabled = wrong instanceof Mistrusted || wrong.name === "NotSupportedError"; // else it asks once more
  }
}

function why(wrong, mistrusted) {
  if (wrong instanceof Mistrusted) return say(mistrusted, { rule: wrong.rule });
  if (wrong instanceof SignedOut) return say("signed-out");
  return say(wrong.name === "NotSupportedError" ? "no-browser" : "no-answer");
}

async function trustAnew() {
  await pin(facts.audience, one("[data-fact=consortium]").textContent);
  await findRoundKey();
}

async function asked(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (answer.status === 401) throw new SignedOut();
  if (!answer.ok) throw new Error("no answer");
  return answer.json();
}

async function send() {
  if (to === null) return findRoundKey();
  const isTrial = one("[data-trial]").checked;
  const [file, sealedTo, known] = [ready, to, jwks]; // whatever happens on the page meanwhile
  hold(true);
  one("[data-sending]").textContent = say("sealing");
  try {
    const packed = (file.packed ??= await sealPackage(file.content, file.mediaType, sealedTo, ownKey.key, Date.now() / 1000));
    const answer = await posted(packed, isTrial);
    const body = await answer.json();
    if (answer.ok) return showReceipt(body, await verifiedReceipt(body.receipt, packed, sealedTo, known, isTrial));
    // What was refused is sealed anew. Where the portal was only busy or broken it may have this one: the same bytes again.
    if (answer.status < 500 && answer.status !== 429) file.packed = null;
    one("[data-sending]").textContent = say("refused", { detail: body.detail ?? body.title ?? answer.status });
    one("[data-send]").disabled = false;
  } catch (wrong) {
    one("[data-sending]").textContent = why(wrong, "bad-receipt");
    one("[data-send]").disabled = wrong instanceof Mistrusted;
  } finally {
    hold(false);
  }
}

// Nothing that would change what is being sent can be touched while it is; the button is given back by whoever knows how it
// went.
function hold(is) {
  if (is) one("[data-send]").disabled = true;
  for (const control of document.querySelectorAll("[data-file], [data-trial], [data-correction], [data-correction-note]")) {
    control.disabled = is;
  }
  ownKey.hold(is);
}

// The answer to the package. Whoever signed in again in another tab has another token: the package is sent with that one.
async function posted(packed, isTrial) {
  const answer = await post(packed, isTrial);
  if (![401, 403].includes(answer.status)) return answer;
  facts.token = await tokenNow();
  return post(packed, isTrial);
}

async function tokenNow() {
  const page = new DOMParser().parseFromString(await (await fetch(window.location.href)).text(), "text/html");
  const token = page.querySelector("[data-token] input")?.value;
  if (!token) throw new SignedOut();
  return token;
}

async function post(text, isTrial) {
  const body = utf8(text);
  const headers = {
    "Content-Type": "application/vnd.concord.sealed+jose",
    "Idempotency-Key": hex(await sha256(body)),
    "X-CSRFToken": facts.token,
  };
  const reason = one("[data-correction]")?.value;
  if (reason) headers["Correction-Reason"] = reason;
  const note = one("[data-correction-note]")?.value;
  if (note) headers["Correction-Note"] = encodeURIComponent(note);
  const query = isTrial ? "?trial=true" : "";
  return fetch(facts.addresses.packages + query, { method: "POST", headers, body });
}

function showReceipt({ id, is_trial: isTrial }, claims) {
  const at = new Date(claims.received_at).toLocaleString(language);
  one("[data-receipt]").textContent = say(isTrial ? "trial-sent" : "sent", { version: claims.version, at });
  one("[data-link=submission]").href = `${facts.addresses.submissions}${id}/`;
  one("[data-link=receipt]").href = `${facts.addresses.submissions}${id}/receipt/`;
  const approval = one("[data-approval]");
  if (approval) approval.hidden = Boolean(isTrial);
  ready = null;
  one("[data-status]").textContent = "";
  one("[data-preview]").hidden = true;
  one("[data-received]").hidden = false;
  one("[data-received]").focus();
}

start();
