import type { Doctor, Finding } from "@waybill/core";
import { type BackendSetting, configInvalid } from "@waybill/core/backend";
import type { Connections } from "../connection/connections.ts";
import { redisError } from "../errors.ts";
import type { Settings } from "../options/options.ts";
import { configOf, liveFindings } from "./live-checks.ts";
import { replicationFindings } from "./replication-checks.ts";
import { ESSENTIAL, findingsOf, memoryOf, parseReport, type ServerReport, versionOf } from "./server-checks.ts";

/** What INFO said when the backend was opened, and the doctor that asks again. */
export interface ExaminedServer {
  /** Whether Redis writes an append-only file. */
  readonly appendOnly: boolean;
  readonly doctor: Doctor;
}

/** Examines the server. Rejects `CONFIG_INVALID` if jobs are not safe on it; the error names every reason. */
export async function examineServer({ commands, address }: Connections, settings: Settings): Promise<ExaminedServer> {
  const cluster = commands.isCluster;
  const ask = async (): Promise<ServerReport> => {
    try {
      return parseReport(await commands.info());
    } catch (thrown) {
      throw redisError(thrown, address);
    }
  };
  const checks = async (): Promise<Finding[]> => {
    const now = await ask();
    const least = await configOf(commands, "min-replicas-to-write");
    return [
      ...findingsOf(now, settings.prefix, cluster),
      ...replicationFindings(now, settings.replication, least === null ? null : Number(least)),
      ...(await liveFindings(commands, now)),
    ];
  };
  const info = await ask();
  refuse(findingsOf(info, settings.prefix, cluster), settings.strict, address);
  return {
    appendOnly: info.get("aof_enabled") === "1",
    doctor: {
      server: versionOf(info),
      settings: settingsListed(settings),
      checks,
      memory: async () => memoryOf(await ask()),
    },
  };
}

function refuse(findings: readonly Finding[], strict: boolean, address: string): void {
  const fatal = findings.filter(({ check, severity }) => severity === "failure" && (strict || ESSENTIAL.has(check)));
  if (fatal.length === 0) return;
  const list = fatal.map(({ message, remedy }) => `${message}; ${remedy ?? ""}`).join(". ");
  const anyway = fatal.some(({ check }) => ESSENTIAL.has(check)) ? "" : ". To go on all the same: strict=false";
  throw configInvalid(`${address} is not safe for jobs: ${list}${anyway}`);
}

function settingsListed({ server, prefix, strict, callTimeoutMs, replication, given }: Settings): BackendSetting[] {
  const cluster = server.kind === "url" ? server.cluster : server.client.isCluster;
  const { replicas = null, waitMs = null } = replication ?? {};
  const ack = replication === null ? "primary" : "replicated";
  return Object.entries({ prefix, strict, callTimeoutMs, ack, replicas, replicaWaitMs: waitMs, cluster }).map(
    ([name, value]) => ({ name, value, given: given.has(name) }),
  );
}
