import type { Finding } from "@waybill/core";
import type { Query } from "../connection/query.ts";

/** Longer than any statement of waybill; a backup or a report may take it. */
const LONG_MS = 300_000;
/** More than autovacuum leaves in waybill's tables, whose thresholds are low. */
const MANY_DEAD_ROWS = 50_000;

/**
 * Checks that dead rows can be removed: each `lease` reads past those that are not, and gets slower. `longMs`: how
 * old a transaction may be.
 */
export async function vacuumFindings(query: Query, schema: string, longMs: number = LONG_MS): Promise<Finding[]> {
  return [
    await autovacuum(query, schema),
    await deadRows(query, schema),
    await oldestTransaction(query, longMs),
    await replicationSlots(query),
  ];
}

async function autovacuum(query: Query, schema: string): Promise<Finding> {
  const check = "postgres.autovacuum";
  const sql = `SELECT current_setting('autovacuum') AS setting, coalesce(string_agg(c.relname, ', ' ORDER BY c.relname)
    FILTER (WHERE EXISTS (SELECT 1 FROM pg_catalog.pg_options_to_table(c.reloptions) o
      WHERE o.option_name = 'autovacuum_enabled' AND NOT o.option_value::boolean)), '') AS tables
    FROM pg_catalog.pg_class c WHERE c.relnamespace = $1::text::regnamespace AND c.relkind = 'r'`;
  const [row] = (await query(sql, [quoted(schema)])) as { setting: string; tables: string }[];
  const { setting = "on", tables = "" } = row ?? {};
  if (setting === "on" && tables === "") return { check, severity: "ok", message: "autovacuum is on", remedy: null };
  const where = setting === "on" ? `off for ${tables} in schema ${schema}` : "off";
  return {
    check,
    severity: "warning",
    message: `autovacuum is ${where}: finished jobs stay as dead rows, and leasing jobs gets slower`,
    remedy:
      setting === "on"
        ? `ALTER TABLE ${quoted(schema)}.TABLE RESET (autovacuum_enabled), for each of them`
        : "set autovacuum = on",
  };
}

async function deadRows(query: Query, schema: string): Promise<Finding> {
  const check = "postgres.dead_rows";
  const sql = `SELECT relname AS name, n_dead_tup::float8 AS dead, n_live_tup::float8 AS live
    FROM pg_catalog.pg_stat_user_tables WHERE schemaname = $1 ORDER BY n_dead_tup DESC LIMIT 1`;
  const [row] = (await query(sql, [schema])) as { name: string; dead: number; live: number }[];
  const { name = "jobs", dead = 0, live = 0 } = row ?? {};
  const message = `the table "${name}" has about ${dead} dead rows beside ${live} live ones`;
  if (dead < MANY_DEAD_ROWS || dead < live) return { check, severity: "ok", message, remedy: null };
  const remedy = `see postgres.autovacuum, postgres.xmin and postgres.slots; then VACUUM ${quoted(schema)}.${quoted(name)}`;
  return { check, severity: "warning", message: `${message}: leasing a job reads past them`, remedy };
}

/** The oldest transaction that still sees rows: no row that died since can be removed, in any table. */
async function oldestTransaction(query: Query, longMs: number): Promise<Finding> {
  const check = "postgres.xmin";
  const sql = `SELECT * FROM (
      SELECT 'process ' || pid AS who, coalesce(nullif(application_name, ''), usename::text, backend_type) AS name,
        'SELECT pg_terminate_backend(' || pid || ')' AS way,
        extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds
      FROM pg_catalog.pg_stat_activity
      WHERE (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL) AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
      UNION ALL
      SELECT 'the prepared transaction "' || gid || '"', owner::text, 'ROLLBACK PREPARED ' || quote_literal(gid),
        extract(epoch FROM clock_timestamp() - prepared)::float8 FROM pg_catalog.pg_prepared_xacts
    ) oldest ORDER BY seconds DESC LIMIT 1`;
  const [oldest] = (await query(sql)) as { who: string; name: string; way: string; seconds: number }[];
  if (oldest === undefined || oldest.seconds * 1_000 < longMs) {
    return { check, severity: "ok", message: "no transaction is open for long", remedy: null };
  }
  const { who, name, way, seconds } = oldest;
  return {
    check,
    severity: "warning",
    message: `${who} (${name}) has had a transaction open for ${Math.round(seconds)} s: dead rows of every table stay, and leasing jobs gets slower`,
    remedy: `end it, by ${way}; then set idle_in_transaction_session_timeout, or run long reports on a replica`,
  };
}

async function replicationSlots(query: Query): Promise<Finding> {
  const check = "postgres.slots";
  const sql = `SELECT slot_name AS name, (xmin IS NOT NULL OR catalog_xmin IS NOT NULL) AS holds,
      coalesce(pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
        ELSE pg_current_wal_lsn() END, restart_lsn), 0)::float8 AS bytes
    FROM pg_catalog.pg_replication_slots WHERE NOT active ORDER BY bytes DESC`;
  const idle = (await query(sql)) as { name: string; holds: boolean; bytes: number }[];
  const [worst] = idle;
  if (worst === undefined) {
    return { check, severity: "ok", message: "no replication slot is without its consumer", remedy: null };
  }
  const names = idle.map(({ name }) => `"${name}"`).join(", ");
  const effect = idle.some(({ holds }) => holds)
    ? "they keep dead rows and WAL"
    : "they keep WAL until the disk is full";
  return {
    check,
    severity: "warning",
    message: `replication slots without a consumer: ${names}; ${effect}, ${(worst.bytes / 1_048_576).toFixed(0)} MiB so far`,
    remedy: `connect the consumer, or SELECT pg_drop_replication_slot('${worst.name}')`,
  };
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
