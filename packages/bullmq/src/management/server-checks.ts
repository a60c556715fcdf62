import type { Finding } from "@waybill/core";
import type { ServerVersion } from "@waybill/core/backend";

/** The fields of INFO, which works where CONFIG is forbidden. */
export type ServerReport = ReadonlyMap<string, string>;

/** Parses what INFO returns. */
export function parseReport(text: string): ServerReport {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(":"));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
}

/** The field of INFO that has the version of a product other than Redis. */
const PRODUCTS: Readonly<Record<string, string>> = {
  valkey: "valkey_version",
  dragonfly: "dragonfly_version",
  garnet: "garnet_version",
};

/** Returns the product and its version. */
export function versionOf(info: ServerReport): ServerVersion {
  for (const [name, field] of Object.entries(PRODUCTS)) {
    const found = info.get(field);
    if (found !== undefined) return { product: name, version: found.replace(/^[^\d]*/, "") };
  }
  if (info.get("executable")?.endsWith("/keydb-server")) {
    return { product: "keydb", version: info.get("redis_version") ?? "unknown" };
  }
  return { product: "redis", version: info.get("redis_version") ?? "unknown" };
}

/** Checks that fail the start whatever `strict` says: BullMQ or the inbox cannot work. */
export const ESSENTIAL: ReadonlySet<string> = new Set(["redis.version", "redis.role", "redis.cluster"]);

/** Checks by one INFO whether jobs are safe on this server. */
export function findingsOf(info: ServerReport, prefix: string, cluster: boolean): Finding[] {
  return [
    isTried(info),
    version(info),
    role(info),
    clusterMode(info, prefix, cluster),
    eviction(info),
    persistence(info),
    saving(info),
    memory(info),
  ];
}

/** A product that speaks Redis's protocol may work; waybill is not tested with it. */
function isTried(info: ServerReport): Finding {
  const { product, version: its } = versionOf(info);
  if (product === "redis" || product === "valkey") return ok("redis.product", `the server is ${product}`);
  const message = `the server is ${product} ${its}, which only speaks Redis's protocol and was never tried with BullMQ's scripts and ours`;
  return failure("redis.product", message, "use Redis 6.2 or newer, or Valkey");
}

function version(info: ServerReport): Finding {
  const { product, version: found } = versionOf(info);
  const [major = 0, minor = 0] = found.split(".").map(Number);
  const old = product === "redis" && (major < 6 || (major === 6 && minor < 2));
  const message = `${product} ${found}`;
  if (!old) return ok("redis.version", message);
  return failure("redis.version", `${message} is too old: it has no LMOVE`, "upgrade to Redis 6.2 or newer, or Valkey");
}

function role(info: ServerReport): Finding {
  const found = info.get("role") ?? "unknown";
  if (found !== "slave") return ok("redis.role", `role is ${found}`);
  return failure("redis.role", "this Redis is a replica and takes no writes", "connect to the primary");
}

function clusterMode(info: ServerReport, prefix: string, cluster: boolean): Finding {
  const check = "redis.cluster";
  if (info.get("cluster_enabled") !== "1") return ok(check, "not a cluster");
  if (!cluster) return failure(check, "this is a Redis Cluster, and the URL does not say so", "add cluster=true to it");
  if (/\{[^}]+\}/.test(prefix)) return ok(check, "a cluster, and the prefix keeps a queue's keys together");
  const remedy = `put the prefix in braces, so that a queue's keys share a slot: ?prefix={${prefix}}`;
  return failure(check, `in a cluster the keys under "${prefix}" lie in different slots`, remedy);
}

function eviction(info: ServerReport): Finding {
  const policy = info.get("maxmemory_policy") ?? "unknown";
  const message = `maxmemory-policy is ${policy}`;
  if (policy === "noeviction") return ok("redis.eviction", message);
  const what = policy.startsWith("volatile") ? "leases" : "jobs and leases";
  const remedy = "set maxmemory-policy to noeviction (on ElastiCache in the parameter group)";
  return failure("redis.eviction", `${message}: when memory runs out, Redis evicts ${what}`, remedy);
}

function persistence(info: ServerReport): Finding {
  if (info.get("aof_enabled") === "1") return ok("redis.persistence", "appendonly is yes");
  const message = "appendonly is no: a crash of Redis loses every job since its last snapshot";
  // A Redis that is restarted with appendonly yes and has no append-only file yet starts empty: it does not read its snapshot.
  const remedy =
    "run CONFIG SET appendonly yes, then CONFIG REWRITE; only to edit the configuration and restart loses every job that is there";
  return failure("redis.persistence", message, remedy);
}

function saving(info: ServerReport): Finding {
  const check = "redis.saving";
  const remedy = "free the disk or mend the folder named by the setting dir; Redis writes again after the next success";
  if (info.get("aof_last_write_status") === "err") {
    return failure(check, "aof_last_write_status is err: Redis cannot write its append-only file", remedy);
  }
  if (info.get("rdb_last_bgsave_status") === "err") {
    const message = "rdb_last_bgsave_status is err: with stop-writes-on-bgsave-error, Redis refuses writes (MISCONF)";
    return failure(check, message, remedy);
  }
  return ok(check, "the last saves to disk succeeded");
}

/** The share of maxmemory from which a burst of jobs may fill the rest at once. */
const NEARLY_FULL = 0.9;

/** Returns the memory that the server uses and may use. */
export function memoryOf(info: ServerReport): { readonly usedBytes: number; readonly limitBytes: number | null } {
  return { usedBytes: Number(info.get("used_memory") ?? 0), limitBytes: Number(info.get("maxmemory") ?? 0) || null };
}

function memory(info: ServerReport): Finding {
  const { usedBytes: used, limitBytes: most } = memoryOf(info);
  if (most === null) return ok("redis.memory", `${inMiB(used)} used, no maxmemory`);
  const message = `${inMiB(used)} of ${inMiB(most)} used (${Math.round((100 * used) / most)} %)`;
  if (used < most * NEARLY_FULL) return ok("redis.memory", message);
  const remedy = "add workers or raise maxmemory: once it is used up, enqueue is refused (BACKEND_FULL)";
  return { check: "redis.memory", severity: "warning", message, remedy };
}

const inMiB = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;

const ok = (check: string, message: string): Finding => ({ check, severity: "ok", message, remedy: null });

const failure = (check: string, message: string, remedy: string): Finding => ({
  check,
  severity: "failure",
  message,
  remedy,
});
