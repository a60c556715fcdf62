import type { UniqueKey } from "../../backend/contract.ts";
import type { DeadLetterRecord, Inspector } from "../../backend/inspector.ts";
import type { Ledger } from "../../backend/ledger.ts";
import { keyTaken } from "../../backend/shared/refusals.ts";
import { isWaybillError, type WaybillError } from "../../errors.ts";
import { wallMs } from "../../time/clock.ts";
import { afterConflict } from "../after-conflict.ts";
import { foundKey, type KeyRecord } from "./key-record.ts";
import { recordKey } from "./ledger-keys.ts";

/** An inspector whose replay asks for the key of each dead letter again. One whose key another job has stays a dead letter. */
export function keyedInspector(
  inspector: Inspector,
  ledger: Ledger,
  idleMs: number,
  uniqueOf: (letter: { readonly id: string; readonly body: string }) => UniqueKey | null,
): Inspector {
  /** Takes the key for a letter. Returns the error of one that cannot have it. */
  async function take({ id, type }: DeadLetterRecord, unique: UniqueKey): Promise<WaybillError | null> {
    const key = recordKey(type, unique.key);
    const value = JSON.stringify({ id, state: "stored", endsAt: wallMs() + idleMs } satisfies KeyRecord);
    for (let conflicts = 0; ; conflicts += 1) {
      if ((await ledger.commit([{ key, ifVersion: "absent", value, expiresInMs: idleMs }])).ok) return null;
      const found = foundKey((await ledger.read([key]))[0] ?? null);
      if (found !== null) return found.id === id ? null : keyTaken(id, found.id, "replayed");
      await afterConflict(key, conflicts);
    }
  }

  return {
    ...inspector,
    async replay(query = {}) {
      const letters = await inspector.deadLetters(query);
      const errors: WaybillError[] = [];
      const ids: string[] = [];
      let keyed = 0;
      // Oldest first, as they are replayed.
      for (const letter of letters.toReversed()) {
        const unique = letter.damage === undefined ? uniqueOf(letter) : null;
        const asks = unique !== null && typeof unique.until !== "number";
        if (asks) keyed += 1;
        const error = asks ? await take(letter, unique).catch(ofDamage) : null;
        if (error === null) ids.push(letter.id);
        else errors.push(error);
      }
      if (keyed === 0) return inspector.replay(query);
      const count = ids.length === 0 ? 0 : await inspector.replay({ ...query, ids, limit: Infinity });
      if (errors[0] !== undefined) throw errors[0];
      return count;
    },
  };
}

/** A damaged record keeps its own letter from being replayed, and no other. */
function ofDamage(thrown: unknown): WaybillError {
  if (isWaybillError(thrown, "DEAD_LETTERED")) return thrown;
  throw thrown;
}
