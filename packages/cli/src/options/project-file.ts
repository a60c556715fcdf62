import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError, type Option } from "commander";
import { errorCode, isInstance } from "@waybill/core/endpoint";
import { UsageError } from "../exit.ts";

export interface ProjectSettings {
  /** Options by their long name in camelCase: `{ concurrency: 20, maxLost: 5 }`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The version of the program, not of waybill; null if the file has none. */
  readonly version: string | null;
}

const NONE: ProjectSettings = { options: {}, version: null };

/**
 * Reads the member `waybill` of the package.json in the working directory. A missing file or member means no settings.
 * Throws `UsageError` for a file that is not JSON.
 */
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
  // `connect` reads the services itself.
  const { services = {}, ...options } = asRecord(manifest["waybill"] ?? {}, "waybill");
  asRecord(services, "waybill.services");
  return { options, version };
}

/**
 * Applies the file's settings to a program. They override the defaults; the environment and the command line override
 * them. Throws `UsageError` for a name that is no option, and for an option that only the caller may set: which code is
 * loaded, where jobs and secrets come from and go, and what is deleted.
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

/** The options that a package.json may set: how a worker works. */
const SETTINGS: ReadonlySet<string> = new Set([
  "queues",
  "concurrency",
  "prefetch",
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
