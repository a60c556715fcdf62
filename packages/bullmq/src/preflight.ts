import { type Doctor, type Finding, WaybillError } from "@waybill/core";
import type { BackendSetting } from "@waybill/core/backend";
import type { Connections } from "./connections.ts";
import { redisError } from "./errors.ts";
import type { Settings } from "./options.ts";
import { ESSENTIAL, findingsOf, parseReport, type ServerReport, versionOf } from "./server-report.ts";

/** What INFO told when the backend was opened, and how to ask again. */
export interface Preflight {
  readonly appendOnly: boolean;
  readonly doctor: Doctor;
}

/** Rejects CONFIG_INVALID, naming everything at once, if jobs are not safe on this server. */
export async function preflight({ commands, address }: Connections, settings: Settings): Promise<Preflight> {
  const cluster = commands.isCluster;
  const ask = async (): Promise<ServerReport> => {
    try {
      return parseReport(await commands.info());
    } catch (thrown) {
      throw redisError(thrown, address);
    }
  };
  const checks = async (): Promise<Finding[]> => findingsOf(await ask(), settings.prefix, cluster);
  const info = await ask();
  refuse(findingsOf(info, settings.prefix, cluster), settings.strict, address);
  return {
    appendOnly: info.get("aof_enabled") === "1",
    doctor: { server: versionOf(info), settings: settingsListed(settings), checks },
  };
}

function refuse(findings: readonly Finding[], strict: boolean, address: string): void {
  const fatal = findings.filter(({ check, severity }) => severity === "failure" && (strict || ESSENTIAL.has(check)));
  if (fatal.length === 0) return;
  const list = fatal.map(({ message, wayOut }) => `${message}; ${wayOut ?? ""}`).join(". ");
  const anyway = fatal.some(({ check }) => ESSENTIAL.has(check)) ? "" : ". To go on all the same: strict=false";
  throw new WaybillError("CONFIG_INVALID", `${address} is not safe for jobs: ${list}${anyway}`);
}

function settingsListed({ server, prefix, strict, callTimeoutMs, given }: Settings): BackendSetting[] {
  const cluster = server.kind === "url" ? server.cluster : server.client.isCluster;
  return Object.entries({ prefix, strict, callTimeoutMs, cluster }).map(([name, value]) => {
    return { name, value, given: given.has(name) };
  });
}
