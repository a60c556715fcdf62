import { assertDefinitions } from "../job/check-definition.ts";
import { ANY_TYPE } from "../job/forward-every.ts";
import { type Capabilities, unlimited } from "../backend/capabilities.ts";
import type { Handler, JobDefinition } from "../job/job-definition.ts";
import { type ErrorVerdict, verdictsOf } from "../job/error-verdicts.ts";
import type { ErrorMatch } from "../job/error-match.ts";
import { defaults, type RetryPolicy } from "../envelope/index.ts";
import { WaybillError } from "../errors.ts";
import { describeValue } from "../known-options.ts";
import { EventBus } from "../observability/events.ts";
import { compose, type Middleware } from "../job/middleware.ts";
import type { Gate } from "./gate.ts";
import { assertAllSupported } from "../job/job-needs.ts";
import { policyOf } from "../job/retry-policy.ts";
import { type SignatureCheck, signatureCheck, type SignatureOptions } from "../signing/signature-policy.ts";
import type { StandardSchema } from "../job/standard-schema.ts";
import type { Telemetry } from "../observability/telemetry.ts";
import { guarded } from "../observability/telemetry-guard.ts";
import type { Upcasters } from "../job/upcast.ts";

/** One registered job, with its options resolved for `execute`. */
export interface RegisteredJob {
  readonly type: string;
  readonly schema: StandardSchema | null;
  readonly positional: boolean;
  readonly policy: RetryPolicy<ErrorMatch>;
  readonly verdicts: readonly ErrorVerdict[];
  readonly timeoutMs: number;
  /** Null: no deadline. */
  readonly deadlineMs: number | null;
  readonly version: number;
  readonly upcasters: Upcasters;
  readonly handler: Handler<unknown, unknown>;
  /** Null: what the handler returns is not kept. */
  readonly result: StandardSchema | null;
  /** True for a job of `forwardEvery`: the envelope's timeout, version and payload are checked where the job runs. */
  readonly forwards: boolean;
}

/** The registered jobs, and the options that apply to each. Created once, when a worker or receiver starts. */
export interface HandlerRegistry {
  readonly find: (type: string) => RegisteredJob | undefined;
  /** All middleware, combined. Null for none. */
  readonly middleware: Middleware | null;
  readonly events: EventBus;
  /** Null without tracing and metrics. Never throws. */
  readonly telemetry: Telemetry | null;
  /** Of the backend that the jobs come from. */
  readonly capabilities: Capabilities;
  /** A job whose worker was lost this often is dead-lettered as `WORKER_LOST`. */
  readonly maxLost: number;
  /** Null: signatures are not verified. */
  readonly signatures: SignatureCheck | null;
  /** Null: every job that passes the checks may start. */
  readonly gate: Gate | null;
}

/** Options that apply to every job. */
export interface HandlerRegistryOptions extends SignatureOptions {
  /** The first is the outermost. Default none. */
  readonly middleware?: readonly Middleware[] | undefined;
  /** Emits `started` and `finished`. Default: a new one without listeners. */
  readonly events?: EventBus | undefined;
  /** Omitted: no tracing and no metrics. */
  readonly telemetry?: Telemetry | null | undefined;
  /** Default: no limits, for jobs that no backend holds. */
  readonly capabilities?: Capabilities | undefined;
  /** Deliveries that may end unsettled before the job is dead. Default 20. */
  readonly maxLost?: number | undefined;
  /** Omitted: every job that passes the checks may start. */
  readonly gate?: Gate | null | undefined;
}

/**
 * Registers jobs by their type. Throws `CONFIG_INVALID` for two handlers of one type and for a job without a handler,
 * `CAPABILITY_MISSING` for a job that needs what the backend refuses.
 */
export function createHandlerRegistry(
  jobs: readonly JobDefinition[],
  options: HandlerRegistryOptions = {},
): HandlerRegistry {
  const { middleware = [], capabilities = unlimited, maxLost = 20 } = options;
  assertDefinitions(jobs, "jobs");
  if (!Array.isArray(middleware) || !middleware.every((one) => typeof one === "function")) {
    throw invalid(`middleware is ${describeValue(middleware)}: pass a list of functions of (job, next)`);
  }
  if (!Number.isSafeInteger(maxLost) || maxLost < 1) {
    throw invalid(`maxLost is ${describeValue(maxLost)}: a whole number from 1`);
  }
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
    assertAllSupported(job, capabilities);
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
      result: job.result ?? null,
      forwards: job.type === ANY_TYPE,
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
    gate: options.gate ?? null,
  };
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
