// What this browser keeps, in IndexedDB: its signing key (not extractable) and the consortium's key that it saw first.

const NAME = "concord-sealing";

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("keys");
      request.result.createObjectStore("pins");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function inStore(store, mode, ask) {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(store, mode);
      const request = ask(transaction.objectStore(store));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(request.error ?? transaction.error);
      transaction.onabort = () => reject(request.error ?? transaction.error);
    });
  } finally {
    database.close();
  }
}

const place = (audience, institution) => `${audience} ${institution}`;

export const keptKey = (audience, institution) =>
  inStore("keys", "readonly", (keys) => keys.get(place(audience, institution)));

// Never in the place of another key: its request may be with the administrator already. ConstraintError then.
export const keepKey = (audience, institution, key) =>
  inStore("keys", "readwrite", (keys) => keys.add(key, place(audience, institution)));

export const forgetKey = (audience, institution) =>
  inStore("keys", "readwrite", (keys) => keys.delete(place(audience, institution)));

export const pinned = (audience) => inStore("pins", "readonly", (pins) => pins.get(audience));

export const pin = (audience, kid) => inStore("pins", "readwrite", (pins) => pins.put(kid, audience));
