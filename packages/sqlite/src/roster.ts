import type { DatabaseSync } from "node:sqlite";
import type { Announced, Roster } from "@waybill/core/backend";
import type { CommitGroup } from "./commit-group.ts";
import { prepare } from "./prepare.ts";
import { announceWorker, forgetSilent, liveWorkers, withdrawWorker } from "./sql/roster.ts";

/** `read` and `write` throw BACKEND_CLOSED once the backend is closed. */
export function createRoster(
  db: DatabaseSync,
  now: () => number,
  write: CommitGroup["write"],
  read: <T>(query: () => T) => T,
): Roster {
  const announce = prepare(db, announceWorker);
  const withdraw = prepare(db, withdrawWorker);
  const forget = prepare(db, forgetSilent);
  const live = prepare(db, liveWorkers);

  return {
    announce: (id, facts, ttlMs) =>
      write(() => {
        const at = now();
        forget.run(at, at);
        announce.run(id, at, Math.ceil(ttlMs), facts);
      }),
    withdraw: (id) => write(() => void withdraw.run(id)),
    async list() {
      const at = now();
      return read(() => live.all(at, at, at)).map((row) => ({ ...row }) as unknown as Announced);
    },
  };
}
