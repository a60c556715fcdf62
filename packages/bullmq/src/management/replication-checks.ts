import type { Finding } from "@waybill/core";
import type { Replication } from "../options/options.ts";
import type { ServerReport } from "./server-checks.ts";

/** A replica confirms every second; without a word for longer it is cut off, and Redis lists it for a minute. */
const SILENT_S = 5;

interface Replica {
  readonly address: string;
  readonly state: string;
  /** Seconds since it last confirmed. */
  readonly lag: number;
}

/** The replicas of a primary, as INFO lists them: "slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=0". */
export function replicasOf(info: ServerReport): Replica[] {
  const lines = [...info].filter(([name]) => /^slave\d+$/.test(name)).map(([, line]) => line);
  return lines.map((line) => {
    const fields = Object.fromEntries(line.split(",").map((pair) => pair.split("=")));
    const { ip = "?", port = "?", state = "unknown", lag } = fields as Readonly<Record<string, string | undefined>>;
    return { address: `${ip}:${port}`, state, lag: Number(lag ?? Infinity) };
  });
}

const isCurrent = ({ state, lag }: Replica): boolean => state === "online" && lag <= SILENT_S;

/**
 * Checks what a failover of this server would lose. `minReplicas`: min-replicas-to-write; null where CONFIG is forbidden.
 * Returns none for a replica: it has no replicas to check.
 */
export function replicationFindings(
  info: ServerReport,
  replication: Replication | null,
  minReplicas: number | null,
): Finding[] {
  if (info.get("role") === "slave") return [];
  const replicas = replicasOf(info);
  return [replicated(replicas, replication), ...lagging(replicas), ...minimum(replicas, minReplicas)];
}

function replicated(replicas: readonly Replica[], replication: Replication | null): Finding {
  const check = "redis.replication";
  const current = replicas.filter(isCurrent).length;
  const found = `${current} of ${replicas.length} replicas are connected and current`;
  if (replication === null && replicas.length === 0) {
    const message = "no replica is connected: jobs are on this server alone, and wait while it is away";
    return { check, severity: "note", message, remedy: "for a failover add a replica, and ack=replicated to the URL" };
  }
  if (replication === null) {
    const message = `${found}, and ack is primary: a failover loses the jobs of the last moments`;
    return { check, severity: "warning", message, remedy: "add ack=replicated to the URL" };
  }
  const needed = `ack is replicated and needs ${replication.replicas}`;
  if (current >= replication.replicas) {
    return { check, severity: "ok", message: `${found}; ${needed}`, remedy: null };
  }
  const remedy = "start or mend the replicas, see their logs, or lower replicas= in the URL";
  return { check, severity: "failure", message: `${found}; ${needed}: each enqueue is NOT_REPLICATED`, remedy };
}

function lagging(replicas: readonly Replica[]): Finding[] {
  return replicas
    .filter((replica) => !isCurrent(replica))
    .map(({ address, state, lag }) => ({
      check: "redis.lag",
      severity: "warning",
      message: `the replica ${address} is ${state} and last confirmed ${lag} s ago: a failover to it loses what came since`,
      remedy: "see the network between them, and the replica's log",
    }));
}

/** Without it a primary that is cut off accepts jobs until it is replaced, and they are lost. */
function minimum(replicas: readonly Replica[], least: number | null): Finding[] {
  if (replicas.length === 0 || least === null) return [];
  const check = "redis.min_replicas";
  if (least > 0) {
    return [{ check, severity: "ok", message: `min-replicas-to-write is ${least}`, remedy: null }];
  }
  const message = "min-replicas-to-write is 0: a primary that is cut off from its replicas goes on accepting writes";
  const remedy = "set min-replicas-to-write to 1; then no job is accepted either while no replica is connected";
  return [{ check, severity: "note", message, remedy }];
}
