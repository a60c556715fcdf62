import { type KeyRing } from "@waybill/core";
import { readSignedWrapper } from "@waybill/core/endpoint";
import { type Fault, faultOf, faultsOf } from "./faults.ts";
import { wrapperRules } from "./spec-rules.ts";

/** The form of a text: one envelope, one in a signed wrapper, or a batch as an ingress accepts it. */
export type Form = "envelope" | "wrapper" | "batch";

/** A fault, with the line of its envelope. */
export interface Found extends Fault {
  /** The line of a batch, from 1; null for other forms. */
  readonly line: number | null;
}

export interface Checked {
  readonly form: Form;
  /** The number of envelopes that were checked. */
  readonly envelopes: number;
  readonly faults: readonly Found[];
}

/** An ingress refuses a longer batch. */
const MOST_LINES = 100;

/** Checks a text in its form. `keys` verify the signatures of wrappers; null means that they are not verified. */
export function check(text: string, keys: KeyRing | null): Checked {
  const lines = linesOf(text);
  if (lines !== null) return checkBatch(lines, keys);
  const faults = wrapperFaults(text, keys);
  const whole = { envelopes: 1, form: faults === null ? "envelope" : "wrapper" } as const;
  return { ...whole, faults: (faults ?? plainFaults(text)).map((fault) => ({ ...fault, line: null })) };
}

/** Returns the lines of a batch; null for one envelope, however it is formatted. */
function linesOf(text: string): string[] | null {
  const lines = text.replace(/\n$/, "").split("\n");
  return lines.length > 1 && !isJson(text) && lines.every((line) => line.trim() === "" || /^\s*\{.*\}\s*$/.test(line))
    ? lines
    : null;
}

function checkBatch(lines: readonly string[], keys: KeyRing | null): Checked {
  const refused = (line: number | null, message: string): Found => ({
    ...faultOf("BATCH_INVALID", "", message),
    line,
  });
  const tooMany = lines.length > MOST_LINES;
  const faults = lines.flatMap((line, at): Found[] => {
    if (line.trim() === "") return [refused(at + 1, "the line is empty; a batch has one envelope or wrapper per line")];
    return (wrapperFaults(line, keys) ?? plainFaults(line)).map((fault) => ({ ...fault, line: at + 1 }));
  });
  const whole = tooMany
    ? [refused(null, `${lines.length} lines; a batch has at most ${MOST_LINES}, send several`)]
    : [];
  return { form: "batch", envelopes: lines.length, faults: [...whole, ...faults] };
}

/** Returns the faults of a wrapper; null if the text is none. */
function wrapperFaults(text: string, keys: KeyRing | null): Fault[] | null {
  const wrapper = readSignedWrapper(text);
  if (wrapper === null) return null;
  const { id, signature, envelope } = wrapper;
  const faults = faultsOf(envelope);
  const within = member(envelope, "id");
  if (typeof within === "string" && within !== id) {
    faults.push(faultOf("SIGNATURE_INVALID", "/id", `the wrapper signs job "${id}" and contains job "${within}"`));
  } else if (keys?.verify({ id, timestamp: signature.timestamp, body: envelope }, signature.value) === false) {
    faults.push(faultOf("SIGNATURE_INVALID", "", "no key of this ring made the signature of the wrapper"));
  }
  return faults;
}

/** Returns the faults of a text that is no wrapper. If its `spec` is that of a wrapper, adds why it is none. */
function plainFaults(text: string): Fault[] {
  const spec = member(text, "spec");
  if (typeof spec !== "string" || !spec.startsWith("waybill-signed")) return faultsOf(text);
  const wrong = Object.entries(wrapperRules).filter(([pointer]) => !isWrapperMember(pointer.slice(1), text));
  const reasons = wrong.map(([pointer, rule]) => `${pointer.slice(1)} is ${rule}`).join("; ");
  const [first, ...others] = faultsOf(text);
  if (first === undefined) return [];
  const fault = { ...first, message: `${first.message}; a signed wrapper it is neither: ${reasons}` };
  // The faults of its members as an envelope would only mislead.
  return first.code === "SPEC_INVALID" ? [fault] : [fault, ...others];
}

function isWrapperMember(name: string, text: string): boolean {
  const good = { spec: "waybill-signed/1", id: "a", ts: 0, sig: "a", envelope: "a" };
  return readSignedWrapper(JSON.stringify({ ...good, [name]: member(text, name) })) !== null;
}

function member(text: string, name: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  } catch {
    return undefined;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
