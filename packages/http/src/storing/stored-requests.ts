import { createHash } from "node:crypto";
import { ReplayWindow } from "../endpoint/replay-window.ts";
import type { ReplayKey } from "../push/replay-protection.ts";
import type { StoreResult } from "./store-result.ts";

/**
 * Remembers what requests have stored while their replay keys are fresh. An HTTP client or a proxy repeats a request that
 * got no response; the repetition stores nothing more, even after the job has ended or in a queue that cannot tell two
 * copies apart. The key includes the body, so another job signed in the same second is stored.
 */
export class StoredRequests {
  readonly #ids = new ReplayWindow<string>(Date.now);
  readonly #pending = new Map<string, Promise<StoreResult>>();

  /** Calls `store` unless the same request has stored or is storing this body. A null key is never the same request. */
  async storeOnce(key: ReplayKey | null, body: string, store: () => Promise<StoreResult>): Promise<StoreResult> {
    if (key === null) return store();
    const name = `${createHash("sha256").update(body).digest("base64url")} ${key.name}`;
    const { freshUntil } = key;
    const id = this.#ids.find({ name, freshUntil });
    if (id !== undefined) return { ok: true, id, stored: false };
    const pendingKey = `${freshUntil} ${name}`;
    const pending = this.#pending.get(pendingKey);
    if (pending !== undefined) return pending.then((result) => (result.ok ? { ...result, stored: false } : result));
    const storing = store();
    this.#pending.set(pendingKey, storing);
    try {
      const result = await storing;
      if (result.ok && result.duplicateOf === undefined) this.#ids.remember({ name, freshUntil }, result.id);
      return result;
    } finally {
      this.#pending.delete(pendingKey);
    }
  }
}
