import type { Doctor, Finding } from "@waybill/core";
import type { Query } from "../connection/query.ts";
import type { Server } from "../connection/server.ts";
import { type Settings, settingsOf } from "../options/settings.ts";
import { foreignTriggers } from "../schema/foreign-triggers.ts";

const SHOWN = ["schema", "connections", "pollMs", "migrate", "maxAgeMs", "maxCount"] as const;
/** With fewer free connections than this, the next deploy may find none. */
const SPARE_CONNECTIONS = 5;

/** Asks the server at each check. `query` rejects once the backend is closed. */
export function createDoctor(query: Query, settings: Settings, server: Server, isListening: () => boolean): Doctor {
  const defaults = settingsOf({ url: settings.url });
  return {
    server,
    settings: SHOWN.map((name) => ({ name, value: settings[name], given: settings[name] !== defaults[name] })),
    checks: async () => [
      ...(await durability(query)),
      await connections(query, settings.connections),
      notifications(settings, isListening()),
      await triggers(query, settings.schema),
    ],
  };
}

/** When either setting is off, a crash loses jobs that were reported as stored. */
async function durability(query: Query): Promise<Finding[]> {
  const sql = `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit`;
  const [row = {}] = (await query(sql)) as Record<string, string>[];
  return Object.entries(row).map(([name, value]) => ({
    check: `postgres.${name}`,
    severity: value === "off" ? "failure" : "ok",
    message: `${name} is ${value}${value === "off" ? ": a crash of the server loses jobs that were accepted" : ""}`,
    remedy: value === "off" ? `set ${name} = on for this server or this user` : null,
  }));
}

async function connections(query: Query, perProcess: number): Promise<Finding> {
  const sql = `SELECT current_setting('max_connections')::integer AS most,
    (SELECT count(*)::integer FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend') AS used`;
  const [{ most, used } = { most: 0, used: 0 }] = (await query(sql)) as { most: number; used: number }[];
  const tight = most - used < Math.max(SPARE_CONNECTIONS, perProcess);
  return {
    check: "postgres.connections",
    severity: tight ? "warning" : "ok",
    message: `${used} of max_connections ${most} are in use; each process of ours takes up to ${perProcess}`,
    remedy: tight ? "lower ?connections=, raise max_connections, or put PgBouncer in between" : null,
  };
}

function notifications({ listenUrl, pollMs }: Settings, isListening: boolean): Finding {
  const check = "postgres.listen";
  if (isListening) return { check, severity: "ok", message: "notifications arrive", remedy: null };
  const polls = `an idle worker looks every ${pollMs} ms`;
  if (listenUrl === null) return { check, severity: "ok", message: `listen is off; ${polls}`, remedy: null };
  return {
    check,
    severity: "note",
    message: `notifications do not arrive, as behind a pooler in transaction mode; ${polls}`,
    remedy: "name the server itself by ?listen=postgres://…",
  };
}

/** Triggers run within waybill's statements, and can keep a row out or change it. */
async function triggers(query: Query, schema: string): Promise<Finding> {
  const names = (await foreignTriggers(query, schema)).map(({ table, name }) => `"${name}" on ${table}`);
  const none = names.length === 0;
  return {
    check: "postgres.triggers",
    severity: none ? "ok" : "warning",
    message: none
      ? "no other program's trigger is on waybill's tables"
      : `another program put triggers on waybill's tables, which can refuse or remove jobs: ${names.join(", ")}`,
    remedy: none ? null : "drop them, unless you know that they only read",
  };
}
