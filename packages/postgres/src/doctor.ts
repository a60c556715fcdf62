import type { Doctor, Finding } from "@waybill/core";
import type { Query } from "./database.ts";
import { type Settings, settingsOf } from "./options.ts";
import type { Server } from "./server.ts";

const TOLD = ["schema", "connections", "pollMs", "migrate", "maxAgeMs", "maxCount"] as const;
/** Below this many connections to spare, the next deploy may find none. */
const SPARE_CONNECTIONS = 5;

/** Asks the server when somebody wants to know. */
export function createDoctor(query: Query, settings: Settings, server: Server, listening: () => boolean): Doctor {
  const defaults = settingsOf({ url: settings.url });
  return {
    server,
    settings: TOLD.map((name) => ({ name, value: settings[name], given: settings[name] !== defaults[name] })),
    checks: async () => [
      ...(await durability(query)),
      await room(query, settings.connections),
      notifications(settings, listening()),
    ],
  };
}

/** Each of the two, when off, lets a crash take back what was reported as stored. */
async function durability(query: Query): Promise<Finding[]> {
  const sql = `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit`;
  const [row = {}] = (await query(sql)) as Record<string, string>[];
  return Object.entries(row).map(([name, value]) => ({
    check: `postgres.${name}`,
    severity: value === "off" ? "failure" : "ok",
    message: `${name} is ${value}${value === "off" ? ": a crash of the server loses jobs that were accepted" : ""}`,
    wayOut: value === "off" ? `set ${name} = on for this server or this user` : null,
  }));
}

async function room(query: Query, ours: number): Promise<Finding> {
  const sql = `SELECT current_setting('max_connections')::integer AS most,
    (SELECT count(*)::integer FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend') AS used`;
  const [{ most, used } = { most: 0, used: 0 }] = (await query(sql)) as { most: number; used: number }[];
  const tight = most - used < Math.max(SPARE_CONNECTIONS, ours);
  return {
    check: "postgres.connections",
    severity: tight ? "warning" : "ok",
    message: `${used} of max_connections ${most} are in use; each process of ours takes up to ${ours}`,
    wayOut: tight ? "lower ?connections=, raise max_connections, or put PgBouncer in between" : null,
  };
}

function notifications({ listenUrl, pollMs }: Settings, listening: boolean): Finding {
  const polls = `an idle worker looks every ${pollMs} ms`;
  if (listening) return { check: "postgres.listen", severity: "ok", message: "notifications arrive", wayOut: null };
  if (listenUrl === null)
    return { check: "postgres.listen", severity: "ok", message: `listen is off; ${polls}`, wayOut: null };
  return {
    check: "postgres.listen",
    severity: "note",
    message: `notifications do not arrive, as behind a pooler in transaction mode; ${polls}`,
    wayOut: "name the server itself by ?listen=postgres://…",
  };
}
