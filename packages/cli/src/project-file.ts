import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError, type Option } from "commander";
import type { ServerRanges } from "@waybill/core";
import { errorCode, isInstance } from "@waybill/core/door";
import { UsageError } from "./exit.ts";

export interface ProjectSettings {
  /** Options by their long name in camelCase: `{ url: "sqlite:./waybill.db", maxLost: 5 }`. */
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
 * no command has is refused: it would be believed to work.
 */
export function applySettings(program: Command, { options }: ProjectSettings): void {
  const known = new Set<string>();
  for (const command of program.commands.flatMap((one) => [one, ...one.commands])) {
    for (const option of command.options) {
      const name = option.attributeName();
      known.add(name);
      if (Object.hasOwn(options, name)) {
        command.setOptionValueWithSource(name, valueOf(option, options[name]), "config");
      }
    }
  }
  const unknown = Object.keys(options).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new UsageError(
    `package.json sets waybill.${unknown[0]}, which is no option; use the names of --help, camelCased`,
  );
}

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
