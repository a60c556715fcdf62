/// <reference lib="es2024.string" />
import { refuse } from "./envelope-code.ts";
import { MAX_DEPTH, MAX_VALUES } from "./limits.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const NUMBER = /[-+.\deE]+/y;
const RAW_NONCHARACTER = /[\ufffe\uffff]/;

/**
 * Reads a text that `JSON.parse` has accepted a second time, token by token. Throws `EnvelopeError` for the first
 * broken rule.
 */
export function refuseFault(text: string): void {
  if (!text.isWellFormed()) {
    refuse("ENCODING_INVALID", "", "the body has half of a surrogate pair, which UTF-8 cannot encode");
  }
  const path: (string | number)[] = [];
  let at = 0;
  let values = 0;

  function next(): number {
    for (;;) {
      const code = text.charCodeAt(at++);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
    }
  }

  function value(depth: number): void {
    const first = next();
    if (++values > MAX_VALUES) refuse("JSON_TOO_MANY_VALUES", "", `the body has over ${MAX_VALUES} JSON values`);
    const container = first === OPEN_BRACE || first === OPEN_BRACKET;
    if (container && depth > MAX_DEPTH) {
      refuse("JSON_TOO_DEEP", pointerTo(path), `nested deeper than ${MAX_DEPTH} levels`);
    }
    if (first === OPEN_BRACE) object(depth);
    else if (first === OPEN_BRACKET) array(depth);
    else if (first === QUOTE) string();
    else if (first === 0x74 || first === 0x6e) at += 3;
    else if (first === 0x66) at += 4;
    else number();
  }

  function object(depth: number): void {
    const seen = new Set<string>();
    for (let separator = next(); separator !== CLOSE_BRACE; separator = next()) {
      if (separator === COMMA) next();
      const key = string();
      path.push(key);
      if (seen.has(key)) refuse("JSON_DUPLICATE_KEY", pointerTo(path), "this key is written twice in its object");
      seen.add(key);
      next();
      value(depth + 1);
      path.pop();
    }
  }

  function array(depth: number): void {
    path.push(0);
    for (let index = 0; ; index++) {
      const start = at;
      const separator = next();
      if (separator === CLOSE_BRACKET) break;
      if (separator !== COMMA) at = start;
      path[path.length - 1] = index;
      value(depth + 1);
    }
    path.pop();
  }

  function string(): string {
    const start = at - 1;
    at = endOfString(text, at);
    const token = text.slice(start, at);
    if (RAW_NONCHARACTER.test(token)) {
      refuse("JSON_STRING_FORBIDDEN", pointerTo(path), "U+FFFE and U+FFFF must be written as escapes");
    }
    const content: string = token.includes("\\") ? JSON.parse(token) : token.slice(1, -1);
    if (content.includes("\0") || !content.isWellFormed()) {
      refuse("JSON_STRING_FORBIDDEN", pointerTo(path), "a string has U+0000 or half of a surrogate pair");
    }
    return content;
  }

  function number(): void {
    NUMBER.lastIndex = at - 1;
    const token = NUMBER.exec(text)![0];
    at += token.length - 1;
    const amount = Number(token);
    const whole = /^-?\d+$/.test(token);
    if (whole ? !Number.isSafeInteger(amount) : !Number.isFinite(amount)) {
      const limit = whole ? "an integer beyond ±(2^53−1); send it as a string" : "too large for a double";
      refuse("JSON_NUMBER_RANGE", pointerTo(path), `${token.slice(0, 40)} is ${limit}`);
    }
  }

  value(1);
}

/** Returns the index after the closing quote of a string whose content begins at `at`. */
function endOfString(text: string, at: number): number {
  for (;;) {
    const code = text.charCodeAt(at++);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
}

/** Returns the JSON Pointer of a path, cut to 200 characters. */
function pointerTo(path: readonly (string | number)[]): string {
  const pointer = path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  const [shown = ""] = /^.{0,200}/su.exec(pointer) ?? [];
  return shown === pointer ? pointer : `${shown}…`;
}
