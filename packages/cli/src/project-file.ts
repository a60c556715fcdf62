import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError, type Option } from "commander";
import type { ServerRanges } from "@waybill/core";
import { errorCode, isInstance } from "@waybill/core/door";
import { UsageError } from "./exit.ts";

export interface ProjectSettings {
  /** Options by their long name in camelCase: `{ concurrency: 20, maxLost: 5 }`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The servers the program was tested with; any other is refused. */
  readonly services: ServerRanges;
  /** Of the program, not of waybill; null where there is none. */
  readonly version: string | null;
}

const NONE: ProjectSettings = { options: {}, services: {}, version: null };

/** The member `waybill` of the package.json in the working directory; no file and no member are no settings. */
export function readProjectFile(): ProjectSettings {
  let text: string;
  try {
    text = readFileSync("package.json", "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return NONE;
    throw error;
  }
  const manifest = parse(text);
  if (!isRecord(manifest)) return NONE;
  const version = typeof manifest["version"] === "string" ? manifest["version"] : null;
  const { services = {}, ...options } = asRecord(manifest["waybill"] ?? {}, "waybill");
  return { options, services: asRecord(services, "waybill.services") as ServerRanges, version };
}

/**
 * Puts the file's settings into a program: below the command line and the environment, above the defaults. A name that
 * no command has is refused: it would be believed to work. So is one that only the caller may set: what stands in a folder
 * decides how a command works there, never which code it loads, where jobs and secrets come from or go, and what is deleted.
 */
export function applySettings(program: Command, { options }: ProjectSettings): void {
  const known = new Set<string>();
  for (const command of program.commands.flatMap((one) => [one, ...one.commands])) {
    for (const option of command.options) {
      const name = option.attributeName();
      known.add(name);
      if (SETTINGS.has(name) && Object.hasOwn(options, name)) {
        command.setOptionValueWithSource(name, valueOf(option, options[name]), "config");
      }
    }
  }
  const wrong = Object.keys(options).find((name) => !known.has(name) || !SETTINGS.has(name));
  if (wrong === undefined) return;
  throw new UsageError(
    known.has(wrong)
      ? `package.json sets waybill.${wrong}, which only the command line or the environment may: a folder must not ` +
          "decide which code runs, where jobs go, or what is deleted"
      : `package.json sets waybill.${wrong}, which is no option; use the names of --help, camelCased`,
  );
}

/** What a folder may decide: how a worker works. */
const SETTINGS: ReadonlySet<string> = new Set([
  "queues",
  "concurrency",
  "fetchAhead",
  "lease",
  "heartbeat",
  "drain",
  "abort",
  "close",
  "maxLost",
  "maxMemory",
  "signatures",
  "programVersion",
  "mimeType",
  "inactivityTimeout",
  "connectTimeout",
  "errorVisibilityTimeout",
  "maxRetries",
]);

function valueOf(option: Option, value: unknown): unknown {
  if (option.parseArg === undefined) return value;
  const text = Array.isArray(value) ? value.join(",") : String(value);
  try {
    return option.parseArg(text, undefined);
  } catch (error) {
    if (!isInstance(error, InvalidArgumentError)) throw error;
    throw new UsageError(`package.json sets waybill.${option.attributeName()} to ${text}. ${error.message}`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UsageError("the package.json of this folder is not JSON", { cause: error });
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function asRecord(value: unknown, name: string): Record<string, unknown> {
  if (isRecord(value)) return value;
  throw new UsageError(`package.json: ${name} is to be an object`);
}
