import { expect, test } from "vitest";
import type { Ledger } from "../../src/exports/backend.ts";
import { KeySlots } from "../../src/features/limits/slot-records.ts";
import { rateKeysOf } from "../../src/features/limits/rate-keys.ts";
import { createDeliveredKeys } from "../../src/features/unique/delivered-keys.ts";
import { keyedInspector } from "../../src/features/unique/keyed-inspector.ts";
import { createLedgerKeys } from "../../src/features/unique/ledger-keys.ts";

/** A ledger in which every record has just been changed by another process, whatever is committed. */
function contested(found: "absent" | "reserved"): Ledger & { commits: () => number } {
  let commits = 0;
  const reserved = { value: JSON.stringify({ id: "j", state: "reserved" }), version: 1, dueInMs: null };
  return {
    commits: () => commits,
    async read(keys) {
      return keys.map((key) => {
        if (key.startsWith("rate/")) return { key, value: "[1,0,0]", version: 1, dueInMs: 9e11 };
        return found === "absent" || !key.startsWith("unique/key") ? null : { ...reserved, key };
      });
    },
    async commit(changes) {
      commits += 1;
      if (commits > 200) throw new Error("it is tried for ever");
      return { ok: false, conflicts: changes.map(({ key }) => key) };
    },
    list: async () => [],
    due: async () => [],
  };
}

const unique = { key: "a", until: "end", onConflict: "reject" } as const;
const message = { id: "j", type: "mail", delayMs: 0, unique };
const reservation = { version: 1, reservedAt: 0, old: null, oldEndsAt: undefined, overtaken: null };
const rate = { kind: "rate", count: 1, perMs: 1_000, burst: 1 } as const;
const letter = { id: "j", type: "mail", body: "", attempt: 1, lost: 0, releases: 0 };

const callers: Record<string, [found: "absent" | "reserved", call: (ledger: Ledger) => Promise<unknown>]> = {
  "the reservation of a key": ["absent", (ledger) => createLedgerKeys(ledger, 1_000).reserve(message)],
  "the confirmation of a key": ["reserved", (ledger) => createLedgerKeys(ledger, 1_000).confirm(message, reservation)],
  "the key of a delivered job": [
    "absent",
    (ledger) => createDeliveredKeys(ledger, 1_000).deliver({ ...letter, attempt: 1, lost: 0, releases: 0 }, unique),
  ],
  "the key of a replayed dead letter": [
    "absent",
    (ledger) => keyedInspector({ deadLetters: async () => [letter] } as never, ledger, 1_000, () => unique).replay(),
  ],
  "the slot of a limit": [
    "absent",
    (ledger) => new KeySlots(ledger, 1_000).take([{ name: "crm", key: "a", most: 2 }], "j", () => {}),
  ],
  "the turn of a rate": ["absent", (ledger) => rateKeysOf(ledger).turn("api", "k", rate, { releases: 0 })],
};

test.concurrent.each(Object.entries(callers))(
  "%s is tried 100 times, over a second or more, while the record changes each time",
  async (_, [found, call]) => {
    const ledger = contested(found);
    const since = performance.now();
    await expect(call(ledger)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", message: /100 tries conflicted/ });
    expect(ledger.commits()).toBe(100);
    expect(performance.now() - since).toBeGreaterThan(1_000);
  },
);
