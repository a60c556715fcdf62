import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { forwardEvery } from "../../src/job/forward-every.ts";
import { defineJob } from "../../src/job/define-job.ts";
import { decodeBody, parseEnvelope } from "../../src/envelope/index.ts";
import { EnvelopeError } from "../../src/errors.ts";
import { execute } from "../../src/execution/execute.ts";
import type { Outcome } from "../../src/job/outcome.ts";
import type { JobContext } from "../../src/job/job-context.ts";
import { createHandlerRegistry } from "../../src/execution/handler-registry.ts";
import type { StandardSchema } from "../../src/job/standard-schema.ts";
import { hostileBodies, type Hostile } from "./hostile-bodies.ts";
import { spec } from "./vectors.ts";

/** A parser that needs longer for one body hangs. Real ones take some microseconds, a mebibyte a few milliseconds. */
const HANG_MS = 1_000;
/** Of most of the vectors. */
const STRICT_TYPE = "mail.album_ready";
const delivery = { attempt: 1, lost: 0, releases: 0, dueAt: null, signature: null, label: null, worker: "test" };

/** What a run over many bodies saw. `faults` is to be empty. */
export interface Trial {
  readonly bodies: number;
  readonly accepted: number;
  /** Deliveries that reached a handler. */
  readonly handled: number;
  /** Refusals, by code. */
  readonly codes: ReadonlyMap<string, number>;
  readonly slowestMs: number;
  readonly faults: readonly string[];
}

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
formats.default(ajv);
const fitsSchema = ajv.compile(JSON.parse(readFileSync(new URL("envelope.schema.json", spec), "utf8")));
const CODES = new Set(
  [
    ...readFileSync(new URL("envelope.md", spec), "utf8")
      .split("\n## Error codes\n")[1]!
      .matchAll(/^\| `(\w+)` \|/gm),
  ].map(([, code]) => code!),
);

/** One object, and nothing inherited: what the handler below may rely on. */
const anObject: StandardSchema<object> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? { value }
        : { issues: [{ message: "not an object" }] },
  },
};

/**
 * Every body through the parser and through `execute`, with a handler that believes nothing. What the parser takes must be
 * what `JSON.parse` reads, and fit the JSON Schema, which another hand wrote; what it refuses must have a code of the list.
 */
export async function tryHostileBodies(seed: number, rounds: number): Promise<Trial> {
  const codes = new Map<string, number>();
  const faults: string[] = [];
  const prototypes = [Object.prototype, Array.prototype, String.prototype, Number.prototype];
  const namesBefore = prototypes.map((one) => Reflect.ownKeys(one).length);
  let [bodies, accepted, handled, slowestMs] = [0, 0, 0, 0];
  let arrived: { payload: unknown; job: JobContext } | null = null;
  const arrive = (payload: unknown, job: JobContext): void => void (arrived = { payload, job });
  const any = forwardEvery({ handler: arrive });
  const strict = createHandlerRegistry([defineJob({ type: STRICT_TYPE, payload: anObject, handler: arrive }), any]);
  const lax = createHandlerRegistry([any]);

  for (const hostile of hostileBodies(seed, rounds)) {
    arrived = null;
    // Four bodies each, since the kinds of mutation take turns.
    const isStrict = bodies++ % 8 < 4;
    const text = decoded(hostile);
    const startedAt = performance.now();
    const verdict = text === null ? "ENCODING_INVALID" : verdictOn(text);
    const body = text ?? hostile.bytes.toString("latin1");
    const outcome =
      text === null
        ? null
        : await execute({ ...delivery, body }, isStrict ? strict : lax).catch((bug: unknown) => bug as Error);
    const tookMs = performance.now() - startedAt;
    slowestMs = Math.max(slowestMs, tookMs);
    const fault = faultIn({ text, verdict, outcome, arrived, isStrict, tookMs });
    if (fault !== null) faults.push(`${hostile.made}: ${fault}: ${JSON.stringify(body).slice(0, 2_000)}`);
    if (typeof verdict === "string") codes.set(verdict, (codes.get(verdict) ?? 0) + 1);
    else accepted++;
    if (arrived !== null) handled++;
  }
  const namesAfter = prototypes.map((one) => Reflect.ownKeys(one).length);
  if (!isDeepStrictEqual(namesAfter, namesBefore) || "polluted" in {})
    faults.push(`seed ${seed}: a prototype was changed`);
  return { bodies, accepted, handled, codes, slowestMs, faults };
}

function decoded({ bytes }: Hostile): string | null {
  try {
    return decodeBody(bytes);
  } catch (thrown) {
    if (thrown instanceof EnvelopeError && thrown.envelopeCode === "ENCODING_INVALID") return null;
    throw thrown;
  }
}

/** The envelope, or the code under which it is refused; an `Error` is a crash. */
function verdictOn(text: string): object | string | Error {
  try {
    return parseEnvelope(text);
  } catch (thrown) {
    return thrown instanceof EnvelopeError ? thrown.envelopeCode : (thrown as Error);
  }
}

interface Observed {
  readonly text: string | null;
  readonly verdict: object | string | Error;
  /** What `execute` made of it; null: not asked, since there was no text. An `Error` is a crash. */
  readonly outcome: Outcome | Error | null;
  readonly isStrict: boolean;
  readonly tookMs: number;
  readonly arrived: { readonly payload: unknown; readonly job: JobContext } | null;
}

function faultIn({ text, verdict, outcome, arrived, isStrict, tookMs }: Observed): string | null {
  if (tookMs > HANG_MS) return `took ${tookMs} ms`;
  if (outcome instanceof Error) return `execute crashed with ${outcome.stack}`;
  const reason = outcome?.kind === "dead" ? outcome.reason.code : null;
  if (verdict instanceof Error) return `the parser crashed with ${verdict.stack}`;
  if (typeof verdict === "string") {
    if (!CODES.has(verdict)) return `refused with ${verdict}, which the list does not have`;
    if (arrived !== null) return `refused with ${verdict}, and yet it reached a handler`;
    return text === null || reason === verdict
      ? null
      : `refused with ${verdict} by the parser, and ${reason} by execute`;
  }
  if (text === null || !isDeepStrictEqual(verdict, JSON.parse(text)))
    return "the envelope is not what JSON.parse reads";
  if (!fitsSchema(verdict)) return `accepted, and yet ${ajv.errorsText(fitsSchema.errors)}`;
  if (arrived === null)
    return reason === "ADMISSION_FAILED" || CODES.has(reason ?? "") ? `accepted, then ${reason}` : null;
  const { payload, job } = arrived;
  if (!isDeepStrictEqual(job.envelope, verdict)) return "the handler was given another envelope than the parser's";
  if (!isDeepStrictEqual(payload, job.envelope.args[0])) return "the handler was given another payload than args[0]";
  const isObject = typeof payload === "object" && payload !== null && !Array.isArray(payload);
  return isStrict && job.type === STRICT_TYPE && !isObject ? "an unvalidated payload reached the handler" : null;
}
