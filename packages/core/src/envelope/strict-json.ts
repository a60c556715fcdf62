/// <reference lib="es2024.string" />
import { refuse } from "./envelope-code.ts";
import { refuseFault } from "./json-fault.ts";
import { MAX_BODY_BYTES, MAX_DEPTH, MAX_VALUES } from "./limits.ts";
import { errorMessage } from "../values/thrown.ts";

const BLANK = 0x20;
const QUOTE = 0x22;

/** The result of one walk over the values. */
interface Census {
  members: number;
  values: number;
  /** Whether an escape in the text may stand for a forbidden character. */
  readonly mayBeForbidden: boolean;
}

const FORBIDDEN_ESCAPE = /\\u(?:0000|[dD][89a-fA-F])/;

/**
 * Parses JSON from foreign producers. Throws `EnvelopeError` also for texts that two parsers could read differently.
 * `JSON.parse` does the work. It hides duplicate keys and rounds large integers, so two cheap checks follow: the
 * members in the text are counted against the members of the result, and the values are walked. Only a text that fails
 * one of these is read a second time, slowly, to find the broken rule or to accept the text.
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
  const mayBeForbidden = text.includes("\\u") && FORBIDDEN_ESCAPE.test(text);
  const census: Census = { members: 0, values: 0, mayBeForbidden };
  const clean = rawIsClean(text) && walkIsClean(value, 1, census) && census.members === membersWritten(text);
  if (!clean) refuseFault(text);
  return value;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    return refuse("JSON_SYNTAX", "", `the body is not JSON (${errorMessage(cause)})`);
  }
}

/** Searches by native functions, which return at once for most texts. */
function rawIsClean(text: string): boolean {
  return text.isWellFormed() && !text.includes("\ufffe") && !text.includes("\uffff");
}

function walkIsClean(value: unknown, depth: number, census: Census): boolean {
  if (++census.values > MAX_VALUES) return false;
  if (typeof value === "string") return !census.mayBeForbidden || stringIsClean(value);
  if (typeof value === "number") return Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  if (typeof value !== "object" || value === null) return true;
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      if (!walkIsClean(value[index], depth + 1, census)) return false;
    }
    return true;
  }
  const keys = Object.keys(value);
  census.members += keys.length;
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!;
    if (census.mayBeForbidden && !stringIsClean(key)) return false;
    if (!walkIsClean((value as Record<string, unknown>)[key], depth + 1, census)) return false;
  }
  return true;
}

function stringIsClean(content: string): boolean {
  return content.isWellFormed() && !content.includes("\0");
}

/**
 * Returns the number of members in the text, or a larger one where a string has a colon right after a blank or a quote.
 * A larger number is harmless: a text is accepted only if the number equals that of the result's members.
 */
function membersWritten(text: string): number {
  let members = 0;
  for (let at = text.indexOf(":"); at !== -1; at = text.indexOf(":", at + 1)) {
    const before = text.charCodeAt(at - 1);
    if (before === QUOTE || before <= BLANK) members++;
  }
  return members;
}
