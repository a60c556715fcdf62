import type { Finding } from "@waybill/core";
import { clockFinding } from "@waybill/core/backend";
import type { Client } from "../connection/client.ts";
import type { ServerReport } from "./server-checks.ts";

/** The share of maxclients from which the next deploy may find no connection. */
const NEARLY_FULL = 0.8;

/** Checks that ask Redis for more than INFO: what they may not ask is left out. */
export async function liveFindings(commands: Client, info: ServerReport): Promise<Finding[]> {
  const [clock, fsync, cluster] = await Promise.all([
    clockFinding("redis.clock", "a delay ends early or late by as much", () => timeOf(commands)),
    fsyncFinding(commands, info),
    commands.isCluster ? clusterFinding(commands) : [],
  ]);
  return [clock, ...connections(info), ...fsync, ...cluster];
}

async function timeOf(commands: Client): Promise<number> {
  const [seconds, micros] = await commands.time();
  return Number(seconds) * 1_000 + Number(micros) / 1_000;
}

/** Returns a setting of the server; null where CONFIG is forbidden, as on managed servers. */
export async function configOf(commands: Client, name: string): Promise<string | null> {
  const reply = await commands.config("GET", name).catch(() => []);
  const [, value] = Array.isArray(reply) ? reply : [];
  return typeof value === "string" ? value : null;
}

async function fsyncFinding(commands: Client, info: ServerReport): Promise<Finding[]> {
  const check = "redis.fsync";
  if (info.get("aof_enabled") !== "1") return [];
  switch (await configOf(commands, "appendfsync")) {
    case "always":
      return [{ check, severity: "ok", message: "appendfsync is always: each write is on disk", remedy: null }];
    case "everysec": {
      const message = "appendfsync is everysec: a crash of the machine loses up to a second of jobs";
      return [{ check, severity: "note", message, remedy: "set appendfsync to always where that is too much" }];
    }
    case "no": {
      const message = "appendfsync is no: a crash of the machine loses what the kernel has not written, about 30 s";
      return [{ check, severity: "warning", message, remedy: "set appendfsync to everysec or always" }];
    }
    default:
      return [];
  }
}

/** Redis 7 and newer report maxclients. */
function connections(info: ServerReport): Finding[] {
  const [used, most] = [Number(info.get("connected_clients")), Number(info.get("maxclients"))];
  if (!(most > 0)) return [];
  const tight = used >= most * NEARLY_FULL;
  return [
    {
      check: "redis.connections",
      severity: tight ? "warning" : "ok",
      message: `${used} of maxclients ${most} are connected; a process of ours takes 1 or 2, and 2 for each queue that it works on`,
      remedy: tight ? "raise maxclients, and the limit of open files of its process" : null,
    },
  ];
}

async function clusterFinding(commands: Client): Promise<Finding[]> {
  const said = String(await commands.cluster("INFO"));
  const state = /cluster_state:(\w+)/.exec(said)?.[1] ?? "unknown";
  const isWhole = state === "ok";
  return [
    {
      check: "redis.cluster_state",
      severity: isWhole ? "ok" : "failure",
      message: `cluster_state is ${state}${isWhole ? "" : ": not every slot is served, and calls for their queues fail"}`,
      remedy: isWhole ? null : "see which node is away: CLUSTER NODES; then repair or fail over",
    },
  ];
}
