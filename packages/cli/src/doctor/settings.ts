import type { Command } from "commander";
import type { JobDefinition, KeyRing } from "@waybill/core";
import { type BackendSetting, maskUrl } from "@waybill/core/backend";

/** Where a value comes from: the default, package.json, the environment, or the command line or jobs file. */
export type Origin = "default" | "file" | "env" | "code";

export interface Setting {
  readonly name: string;
  readonly value: string | number | boolean | null;
  readonly origin: Origin;
}

/** Returns the settings of a worker that is started here with these options. */
export function settingsOf(
  command: Command,
  keys: KeyRing | null,
  backend: readonly BackendSetting[],
  jobs: readonly JobDefinition[],
): Setting[] {
  const isPush = command.getOptionValue("to") !== undefined;
  const flags = command.options
    .filter(({ hidden }) => !hidden)
    .map((option) => option.attributeName())
    .filter((name) => !ABOUT_THE_COMMAND.has(name) && (isPush || !OF_PUSH.has(name)));
  const keysFrom = originOf(command, "keysFile");
  const url = originOf(command, "url");
  return [
    ...flags.map((name) => ({
      name,
      value: textOf(name, command.getOptionValue(name)),
      origin: originOf(command, name),
    })),
    // Their number, never the keys.
    { name: "keys", value: keys?.toString() ?? null, origin: keys && keysFrom === "default" ? "env" : keysFrom },
    {
      name: "nodeEnv",
      value: process.env["NODE_ENV"] ?? "development",
      origin: process.env["NODE_ENV"] ? "env" : "default",
    },
    // A setting of the URL has the origin of the URL.
    ...backend.map(
      ({ name, value, given }) => ({ name: `backend.${name}`, value, origin: given ? url : "default" }) as const,
    ),
    ...jobs.flatMap(settingsOfJob),
  ];
}

const OF_PUSH: ReadonlySet<string> = new Set([
  "to",
  "httpPath",
  "mimeType",
  "inactivityTimeout",
  "connectTimeout",
  "errorVisibilityTimeout",
  "maxRetries",
]);

const ABOUT_THE_COMMAND: ReadonlySet<string> = new Set(["json", "watch", "keysFile"]);

function originOf(command: Command, name: string): Origin {
  switch (command.getOptionValueSource(name)) {
    case "cli":
      return "code";
    case "env":
      return "env";
    case "config":
      return "file";
    default:
      return "default";
  }
}

function textOf(name: string, value: unknown): Setting["value"] {
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.join(",");
  if (name === "to") return maskUrl(String(value)).replace(/\?.*$/s, "");
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .map((pair) => pair.join("="))
      .join(",");
  }
  return name === "url" || name === "ledger" ? maskUrl(String(value)) : (value as Setting["value"]);
}

/** The defaults of the spec. */
const JOB_DEFAULTS = {
  maxAttempts: 10,
  initial: "5s",
  factor: 2,
  max: "1h",
  jitter: true,
  onExhaustion: "dead_letter",
};

function settingsOfJob({ type, queue, retry, timeoutMs, deadlineMs, version }: JobDefinition): Setting[] {
  const said = (name: string, value: Setting["value"], given: boolean): Setting => ({
    name: `${type}.${name}`,
    value,
    origin: given ? "code" : "default",
  });
  const retries = Object.entries(JOB_DEFAULTS).map(([name, value]) => {
    const given = retry[name as keyof typeof JOB_DEFAULTS];
    return said(`retry.${name}`, given ?? value, given !== undefined);
  });
  return [
    said("queue", queue, queue !== "default"),
    said("timeoutMs", timeoutMs ?? 900_000, timeoutMs !== null),
    said("deadlineMs", deadlineMs, deadlineMs !== null),
    said("version", version, version !== 1),
    ...retries,
  ];
}
