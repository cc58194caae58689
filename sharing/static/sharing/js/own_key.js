// The card of this browser's signing key: makes it, asks for its registration, forgets it.

import { makeSigningKey } from "./jws.js";
import { forgetKey, keepKey, keptKey } from "./keystore.js";
import { registrationRequest } from "./package.js";

export class OwnKey {
  constructor(page, facts, say, changed) {
    this.page = page;
    this.facts = facts;
    this.say = say;
    this.changed = changed;
    this.key = null;
  }

  get isInForce() {
    return this.key !== null && this.facts.inForce.includes(this.key.kid);
  }

  async start() {
    const act = (name, action) => this.part(name)?.addEventListener("click", action);
    act("make", () => this.make());
    act("register", () => this.register());
    act("forget", () => this.forget());
    act("copy", () => this.copy());
    this.key = (await keptKey(this.facts.audience, this.facts.institution)) ?? null;
    await this.show();
  }

  // While a package is on its way its key stays where it is.
  hold(is) {
    for (const name of ["make", "register", "forget"]) this.part(name)?.toggleAttribute("disabled", is);
  }

  part(name) {
    return this.page.querySelector(`[data-key=${name}]`);
  }

  async make() {
    this.part("make").disabled = true; // twice would be two keys
    this.key = await this.kept(await makeSigningKey());
    this.part("make").disabled = false;
    await this.show();
  }

  // The new key, or the one that another tab of this browser has made meanwhile.
  async kept(key) {
    try {
      await keepKey(this.facts.audience, this.facts.institution, key);
      return key;
    } catch (wrong) {
      if (wrong.name !== "ConstraintError") throw wrong;
      return keptKey(this.facts.audience, this.facts.institution);
    }
  }

  async forget() {
    if (!window.confirm(this.say("key-forget"))) return;
    await forgetKey(this.facts.audience, this.facts.institution);
    this.key = null;
    await this.show();
  }

  request() {
    return registrationRequest(this.key, this.facts.institution, this.facts.audience, Date.now() / 1000);
  }

  async register() {
    const answer = await fetch(this.facts.addresses.keys, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": this.facts.token },
      body: JSON.stringify({ request: await this.request() }),
    }).catch(() => null);
    if (answer?.ok) {
      this.facts.inForce.push(this.key.kid);
      this.facts.registered.push(this.key.kid);
      await this.show();
      this.part("state").textContent = this.say("key-registered");
      return;
    }
    const problem = answer ? await answer.json().catch(() => ({})) : {};
    this.part("state").textContent = problem.detail ?? this.say("no-answer");
  }

  async copy() {
    const text = this.part("request").querySelector("textarea");
    text.select();
    await navigator.clipboard?.writeText(text.value).catch(() => undefined);
    this.part("copied").textContent = this.say("copied");
  }

  async show() {
    const isKnown = this.key !== null && this.facts.registered.includes(this.key.kid);
    const state = !this.key ? "key-none" : this.isInForce ? "key-in-force" : isKnown ? "key-ended" : "key-waiting";
    this.part("state").textContent = this.say(state);
    this.part("kid").textContent = this.key?.kid ?? "";
    this.part("kid").hidden = !this.key;
    this.part("make").hidden = this.key !== null;
    this.part("forget").hidden = this.key === null;
    const register = this.part("register");
    if (register) register.hidden = state !== "key-waiting";
    const request = this.part("request");
    const text = request.querySelector("textarea");
    text.value = ""; // never the request of a key that was removed
    request.hidden = state !== "key-waiting" || register !== null;
    if (!request.hidden) text.value = await this.request();
    this.changed();
  }
}
