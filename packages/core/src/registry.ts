import { ANY_TYPE } from "./any-job.ts";
import { type Capabilities, judge, type Need } from "./capabilities.ts";
import type { Handler, JobDefinition } from "./define-job.ts";
import { type ErrorVerdict, verdictsOf } from "./error-rules.ts";
import { defaults, type RetryPolicy } from "./envelope/index.ts";
import { WaybillError } from "./errors.ts";
import { EventBus } from "./events.ts";
import { memoryCapabilities } from "./memory/limits.ts";
import { compose, type Middleware } from "./middleware.ts";
import { policyOf } from "./retry-policy.ts";
import { type SignatureCheck, signatureCheck, type SignatureOptions } from "./signature-policy.ts";
import type { StandardSchema } from "./standard-schema.ts";
import type { Telemetry } from "./telemetry.ts";
import { guarded } from "./telemetry-guard.ts";
import type { Upcasters } from "./upcast.ts";

/** One registered job, with everything `execute` asks of it worked out beforehand. */
export interface RegisteredJob {
  readonly type: string;
  readonly schema: StandardSchema | null;
  readonly positional: boolean;
  readonly policy: RetryPolicy;
  readonly verdicts: readonly ErrorVerdict[];
  readonly timeoutMs: number;
  /** Null: none. */
  readonly deadlineMs: number | null;
  readonly version: number;
  readonly upcasters: Upcasters;
  readonly handler: Handler<unknown>;
  /** Of any type, and run elsewhere: the envelope's own timeout is not for us. */
  readonly handsOn: boolean;
}

/** What `execute` needs to know besides the delivery. Built once, when the program starts. */
export interface Registry {
  readonly find: (type: string) => RegisteredJob | undefined;
  /** All of it as one; null for none. */
  readonly middleware: Middleware | null;
  readonly events: EventBus;
  /** Null: nobody traces or counts. It never throws. */
  readonly telemetry: Telemetry | null;
  /** Limits of the backend the jobs come from. */
  readonly capabilities: Capabilities;
  /** A job lost this often is dead-lettered `WORKER_LOST`. */
  readonly maxLost: number;
  /** Null: signatures are not looked at. */
  readonly signatures: SignatureCheck | null;
}

/** What goes for every job that is run. */
export interface RegistryOptions extends SignatureOptions {
  /** The first is the outermost. Default none. */
  readonly middleware?: readonly Middleware[];
  /** Hears `started` and `finished`. Default: one that nobody hears. */
  readonly events?: EventBus;
  /** Hears of each delivery. Absent: nobody does. */
  readonly telemetry?: Telemetry | null;
  /** Default: those of the memory backend, for runs that touch none. */
  readonly capabilities?: Capabilities;
  /** Deliveries that may end unsettled before the job is dead. Default 20. */
  readonly maxLost?: number;
}

/** Throws `CONFIG_INVALID` for two handlers of one type or a job without one, `CAPABILITY_MISSING` for what the backend cannot do. */
export function createRegistry(jobs: readonly JobDefinition[], options: RegistryOptions = {}): Registry {
  const { middleware = [], capabilities = memoryCapabilities, maxLost = 20 } = options;
  const byType = new Map<string, RegisteredJob>();
  for (const job of jobs) {
    if (byType.has(job.type)) {
      throw new WaybillError("CONFIG_INVALID", `two handlers are registered for job type "${job.type}"; keep one`);
    }
    if (job.handler === null) {
      throw new WaybillError(
        "CONFIG_INVALID",
        `job "${job.type}" has no handler; add one with handlerFor(definition, handler)`,
      );
    }
    demandAll(job, capabilities);
    byType.set(job.type, {
      type: job.type,
      schema: job.schema,
      positional: job.positional,
      policy: policyOf(job.retry),
      verdicts: verdictsOf(job.errors, job.type),
      timeoutMs: job.timeoutMs ?? defaults.timeoutMs,
      deadlineMs: job.deadlineMs,
      version: job.version,
      upcasters: job.upcasters,
      handler: job.handler,
      handsOn: job.type === ANY_TYPE,
    });
  }
  const any = byType.get(ANY_TYPE);
  const { events = new EventBus() } = options;
  for (const type of byType.keys()) events.types.add(type);
  return {
    find: (type) => byType.get(type) ?? any,
    middleware: middleware.length === 0 ? null : compose(middleware),
    events,
    telemetry: options.telemetry ? guarded(options.telemetry) : null,
    capabilities,
    maxLost,
    signatures: signatureCheck(options),
  };
}

/** Throws `CAPABILITY_MISSING` when a definition asks what the backend refuses. */
export function demandAll(job: JobDefinition, has: Capabilities): void {
  const policy = policyOf(job.retry);
  const waits = verdictsOf(job.errors, job.type).map(({ delayMs }) => delayMs ?? 0);
  const longestMs = Math.max(...waits, policy.maxAttempts > 1 ? policy.maxMs : 0);
  if (longestMs > 0)
    demand({ kind: "retryDelay", delayMs: longestMs }, has, `job "${job.type}" waits between attempts`);
  demand(
    { kind: "timeout", timeoutMs: job.timeoutMs ?? defaults.timeoutMs },
    has,
    `job "${job.type}" may run that long`,
  );
}

/** Throws `CAPABILITY_MISSING`, naming who asked and the way out, unless the need is met. */
export function demand(need: Need, has: Capabilities, asker: string): void {
  const verdict = judge(need, has);
  if (verdict.kind !== "refused") return;
  throw new WaybillError(
    "CAPABILITY_MISSING",
    `${asker}, which this backend refuses (${need.kind}): ${verdict.wayOut}`,
  );
}
