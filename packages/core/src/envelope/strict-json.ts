/// <reference lib="es2024.string" />
import { refuse } from "./envelope-code.ts";
import { endOfString, MAX_DEPTH, MAX_VALUES, refuseFault } from "./json-fault.ts";

/** One mebibyte of UTF-8. */
export const MAX_BODY_BYTES = 1_048_576;
const COLON = 0x3a;
const QUOTE = 0x22;

const SUSPECT_ESCAPE = /\\u(?:0000|[dD][89a-fA-F])/;

/**
 * `JSON.parse` for bodies written by strangers: also refuses what two parsers could read differently.
 *
 * The engine's own parser does the reading. It hides duplicate keys and rounds large integers, so two cheap
 * counts follow: the members written in the text against the members that came out, and a walk over the values.
 * Only a text on which these cast doubt is read a second time, slowly, to name the fault or to clear it.
 */
export function parseStrictJson(text: string): unknown {
  if (text.length > MAX_BODY_BYTES / 3 && Buffer.byteLength(text) > MAX_BODY_BYTES) {
    refuse(
      "BODY_TOO_LARGE",
      "",
      `the body is over ${MAX_BODY_BYTES} bytes; store the large part elsewhere and send a link`,
    );
  }
  if (text.charCodeAt(0) === 0xfeff)
    refuse("BOM_FORBIDDEN", "", "the body begins with a byte order mark; write it without");
  const value = readJson(text);
  const census = { members: 0, values: 0 };
  const clean = textIsClean(text) && walkIsClean(value, 1, census) && census.members === membersWritten(text);
  if (!clean) refuseFault(text);
  return value;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    return refuse("JSON_SYNTAX", "", `the body is not JSON (${cause instanceof Error ? cause.message : "unreadable"})`);
  }
}

/** Native searches only; each gives up at once on text that cannot hold what it looks for. */
function textIsClean(text: string): boolean {
  if (!text.isWellFormed() || text.includes("\ufffe") || text.includes("\uffff")) return false;
  return !text.includes("\\u") || !SUSPECT_ESCAPE.test(text);
}

function walkIsClean(value: unknown, depth: number, census: { members: number; values: number }): boolean {
  if (++census.values > MAX_VALUES || depth > MAX_DEPTH) return false;
  if (typeof value === "number") return Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      if (!walkIsClean(value[index], depth + 1, census)) return false;
    }
    return true;
  }
  const keys = Object.keys(value);
  census.members += keys.length;
  for (let index = 0; index < keys.length; index++) {
    if (!walkIsClean((value as Record<string, unknown>)[keys[index]!], depth + 1, census)) return false;
  }
  return true;
}

/** Colons outside strings, in text known to be JSON. */
function membersWritten(text: string): number {
  let members = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at++);
    if (code === COLON) members++;
    else if (code === QUOTE) at = endOfString(text, at);
  }
  return members;
}
