import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { errorCode, member } from "@waybill/core/backend";

const COMPILED = "compile it and name the .js file";

/**
 * Returns in one line why Node cannot load a jobs file, and what to do. Node only removes the types from TypeScript, so
 * everything else that a compiler would do is an error here.
 */
export function jobsFileFault(file: string, error: Error): string {
  const { message } = error;
  const code = errorCode(error);
  const typescript = /\.[cm]?tsx?$/.test(file);
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") {
    const where = /^(file:\/\/\S+\.[cm]?ts):(\d+)/.exec(error.stack ?? "");
    const place = where === null ? "" : ` (${fileURLToPath(where[1] ?? "")}:${where[2]})`;
    const kind = /^TypeScript (.+?) is not supported/.exec(message)?.[1] ?? "this syntax";
    const instead = kind === "enum" ? "Write it as a const object with a union type, or" : "Write it without, or";
    return `${kind} of TypeScript needs a compiler${place}, and Node only removes types. ${instead} ${COMPILED}`;
  }
  if (code === "ERR_UNKNOWN_FILE_EXTENSION" && typescript) {
    if (file.endsWith("x")) return `Node reads no JSX; ${COMPILED}`;
    return `this is Node ${process.versions.node}, which reads no TypeScript; use Node 22.18 or newer, or ${COMPILED}`;
  }
  if (!typescript) return message;
  const source = sourceOf(error);
  if (source !== null) {
    return `${message}. ${source} is there: Node wants that very name in the import (in tsconfig.json: "rewriteRelativeImportExtensions"), or ${COMPILED}`;
  }
  const alias = /Cannot find package '([@~#]\/[^']*)'/.exec(message)?.[1];
  if (alias !== undefined) {
    return `${message}. Node does not read "paths" of tsconfig.json; import "${alias}" by a relative path, or ${COMPILED}`;
  }
  if (/does not provide an export named/.test(message)) {
    return `${message}. If that is a type, write "import type": Node does not know which imports are types`;
  }
  if (code === "SyntaxError") {
    return `${message}. If it uses decorators, ${COMPILED}: Node only removes types`;
  }
  return message;
}

/** Returns the TypeScript file to which a compiler resolves "./x.js", "./x" or a folder; null if there is none. */
function sourceOf(error: Error): string | null {
  const url = member(error, "url");
  if (typeof url !== "string" || !url.startsWith("file:")) return null;
  const path = fileURLToPath(url);
  const names = [path.replace(/\.([cm]?)js$/, ".$1ts"), `${path}.ts`, `${path}/index.ts`];
  return names.find((name) => name !== path && existsSync(name)) ?? null;
}
