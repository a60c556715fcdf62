import { EnvelopeError } from "@waybill/core";
import { isInstance, parseEnvelope } from "@waybill/core/endpoint";
import { repaired } from "./repair.ts";
import { codeRules, fieldRules } from "./spec-rules.ts";

/** One rule of the spec that a text breaks. */
export interface Fault {
  /** The spec's stable code. */
  readonly code: string;
  /** JSON Pointer to the fault; "" is the whole text. */
  readonly pointer: string;
  /** What is wrong and what to write. */
  readonly message: string;
  /** The sentence of the spec. Null for a code that the pages of this release do not list. */
  readonly rule: string | null;
  /** The rule of the spec for the field at or around the pointer; null if there is none. */
  readonly field: string | null;
}

/** No more faults are searched for: such a text has another format. */
const MOST_FAULTS = 100;

/**
 * Returns every fault of a text by the rules of envelope.md; the first is the one that a worker reports. After each fault
 * a copy is repaired at that place and parsed again. A fault that hides the rest is the last one: a text that is not JSON,
 * or another major version.
 */
export function faultsOf(text: string): Fault[] {
  const faults: Fault[] = [];
  const seen = new Set<string>();
  for (let rest: string | null = text; rest !== null && faults.length < MOST_FAULTS;) {
    const error = errorOf(rest);
    if (error === null) break;
    const key = `${error.envelopeCode} ${error.pointer}`;
    // Repaired, and still there: later faults cannot be reached.
    if (seen.has(key)) break;
    seen.add(key);
    faults.push(faultOf(error.envelopeCode, error.pointer, error.message));
    rest = repaired(rest, error);
  }
  return faults;
}

export function faultOf(code: string, pointer: string, message: string): Fault {
  return { code, pointer, message, rule: codeRules[code] ?? null, field: fieldRuleAt(pointer) };
}

function errorOf(text: string): EnvelopeError | null {
  try {
    parseEnvelope(text);
    return null;
  } catch (thrown) {
    if (isInstance(thrown, EnvelopeError)) return thrown;
    throw thrown;
  }
}

/** Returns the rule of the field, or of the nearest field around it. */
function fieldRuleAt(pointer: string): string | null {
  for (let at = pointer; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
    if (Object.hasOwn(fieldRules, at)) return `${at.slice(1).replaceAll("/", ".")}: ${fieldRules[at]}`;
  }
  return null;
}
