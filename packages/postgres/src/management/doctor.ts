import type { Doctor, Finding } from "@waybill/core";
import { clockFinding } from "@waybill/core/backend";
import type { Query } from "../connection/query.ts";
import type { Server } from "../connection/server.ts";
import { type Settings, settingsOf } from "../options/settings.ts";
import { textIndexOf } from "../records/text-index.ts";
import { vacuumFindings } from "./vacuum-checks.ts";
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
      await texts(query, settings.schema),
      await clockFinding("postgres.clock", "the dates that waybill shows differ by as much", () => timeOf(query)),
      await pages(query),
      await replication(query),
      ...(await vacuumFindings(query, settings.schema)),
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
    // Only the server has fsync; a user or a database may have a synchronous_commit of its own.
    remedy:
      value === "off"
        ? `set ${name} = on for this server${name === "fsync" ? ", and reload it" : " or this user"}`
        : null,
  }));
}

async function timeOf(query: Query): Promise<number> {
  const sql = `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS at`;
  const [row] = (await query(sql)) as { at: number }[];
  return row?.at ?? Date.now();
}

/** Without it a page that was half written when the machine lost power stays so. */
async function pages(query: Query): Promise<Finding> {
  const check = "postgres.full_page_writes";
  const [row] = (await query(`SELECT current_setting('full_page_writes') AS setting`)) as { setting: string }[];
  if (row?.setting !== "off") return { check, severity: "ok", message: "full_page_writes is on", remedy: null };
  const message = "full_page_writes is off: a loss of power may damage the tables";
  return {
    check,
    severity: "warning",
    message,
    remedy: "set full_page_writes = on, unless the file system writes pages whole",
  };
}

/** A standby that commits do not wait for may lack the jobs of the last moments when it is promoted. */
async function replication(query: Query): Promise<Finding> {
  const check = "postgres.replication";
  const sql = `SELECT (SELECT count(*)::integer FROM pg_catalog.pg_stat_replication WHERE application_name <> 'pg_basebackup') AS standbys,
    current_setting('synchronous_standby_names') AS names, current_setting('synchronous_commit') AS level`;
  const [row] = (await query(sql)) as { standbys: number; names: string; level: string }[];
  const { standbys = 0, names = "", level = "on" } = row ?? {};
  const waits = names !== "" && level !== "off" && level !== "local";
  if (waits) {
    const message = `commits wait for standbys (synchronous_standby_names is ${names}); ${standbys} connected`;
    if (standbys > 0) return { check, severity: "ok", message, remedy: null };
    return { check, severity: "failure", message: `${message}: every commit waits`, remedy: "start the standby" };
  }
  if (standbys === 0) return { check, severity: "ok", message: "no standby is connected", remedy: null };
  const message = `${standbys} standbys are connected, and commits do not wait for them: a failover may lose the jobs of the last moments`;
  return { check, severity: "note", message, remedy: "set synchronous_standby_names, where that is too much" };
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

/** How a search of records by text is done. */
async function texts(query: Query, schema: string): Promise<Finding> {
  const check = "postgres.text_index";
  if ((await textIndexOf(query, schema)) !== null)
    return { check, severity: "ok", message: "texts of records have an index (pg_trgm)", remedy: null };
  const sql = `SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = 'pg_trgm'`;
  const way =
    (await query(sql)).length > 0 ? "records: { search: true } makes one (pg_trgm)" : "this server has no pg_trgm";
  const message = `texts of records have no index: a search reads each record; ${way}`;
  return { check, severity: "ok", message, remedy: null };
}
