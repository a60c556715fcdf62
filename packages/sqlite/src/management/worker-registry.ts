import type { DatabaseSync } from "node:sqlite";
import type { Announced, WorkerRegistry } from "@waybill/core/backend";
import type { CommitGroup } from "../file/commit-group.ts";
import { clamped } from "../sql/columns.ts";
import { prepareOn } from "../sql/statement.ts";
import type { Read } from "./inspector.ts";

/** A worker heard in the future was heard before the clock was set back. If it lives, it is heard again soon. */
const SILENT = "heard_at + ttl_ms <= ? OR heard_at > ?";

/** `read` and `write` throw `BACKEND_CLOSED` once the backend is closed. */
export function createWorkerRegistry(
  db: DatabaseSync,
  now: () => number,
  write: CommitGroup["write"],
  read: Read,
): WorkerRegistry {
  const prepare = prepareOn(db);
  const announce = prepare(`INSERT INTO waybill_workers (id, heard_at, ttl_ms, facts) VALUES (?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET heard_at = excluded.heard_at, ttl_ms = excluded.ttl_ms, facts = excluded.facts`);
  const withdraw = prepare("DELETE FROM waybill_workers WHERE id = ?");
  const removeSilent = prepare(`DELETE FROM waybill_workers WHERE ${SILENT}`);
  const live =
    prepare(`SELECT CAST(id AS TEXT) AS id, CAST(facts AS TEXT) AS facts, ${clamped("? - heard_at")} AS heardMs
     FROM waybill_workers WHERE NOT (${SILENT}) ORDER BY id`);
  return {
    announce: (id, facts, ttlMs) =>
      write(() => {
        const at = now();
        removeSilent.run(at, at);
        announce.run(id, at, Math.ceil(ttlMs), facts);
      }),
    withdraw: (id) => write(() => void withdraw.run(id)),
    async list() {
      const at = now();
      return read(() => live.all(at, at, at)).map((row) => ({ ...row }) as unknown as Announced);
    },
  };
}
