import type { JsonValue } from "../envelope/index.ts";
import { PayloadError } from "../errors.ts";
import { argsOf } from "../job/payload.ts";
import { completed, dead, type Outcome } from "../job/outcome.ts";
import { cutText, isInstance, kindOf, member, textMember } from "../values/any-value.ts";
import type { RegisteredJob } from "./handler-registry.ts";

/** A record of a ledger has 64 KiB at most; the rest is for what surrounds the result. */
const MOST_BYTES = 65_000;

/**
 * Returns the outcome of a handler that returned `value`: completed with its JSON, or dead as `RESULT_INVALID` where the `result`
 * schema refuses it, it is no JSON, or it is too large. Rejects for a schema that throws.
 */
export async function completedWith({ type, result }: RegisteredJob, value: unknown): Promise<Outcome> {
  const checked = await result?.["~standard"].validate(value);
  const fault = checked?.issues === undefined ? null : textOfIssues(checked.issues);
  if (fault !== null) return invalid(type, `does not fit its schema: ${fault}`);
  if (value === undefined) return completed;
  let json: JsonValue | undefined;
  try {
    [json] = await argsOf({ type, positional: false, schema: null }, value);
  } catch (thrown) {
    if (!isInstance(thrown, PayloadError)) throw thrown;
    return invalid(
      type,
      `is no JSON: ${textOfIssues(thrown.issues.map(({ path, message }) => ({ path: [path], message })))}`,
    );
  }
  const text = JSON.stringify(json);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MOST_BYTES) return { kind: "completed", result: text };
  return invalid(type, `has ${bytes} bytes, and ${MOST_BYTES} can be kept; return an id, and keep the rest elsewhere`);
}

/** Dead at once: the handler has run, and would most likely return the same again. */
function invalid(type: string, fault: string): Outcome {
  return dead("RESULT_INVALID", `the result of "${type}" ${fault}`);
}

function textOfIssues(issues: unknown): string {
  const list: readonly unknown[] = Array.isArray(issues) ? issues : [issues];
  return list.map((issue) => `${pathOf(issue)}: ${cutText(textMember(issue, "message") ?? kindOf(issue))}`).join("; ");
}

function pathOf(issue: unknown): string {
  const path = member(issue, "path");
  if (!Array.isArray(path) || path.length === 0) return "result";
  return path.map((part) => String(member(part, "key") ?? part)).join(".");
}
