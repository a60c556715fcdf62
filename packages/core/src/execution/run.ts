import { defaults, type Envelope } from "../envelope/index.ts";
import type { Delivery } from "../job/delivery.ts";
import { RunHandle } from "../job/run-handle.ts";
import type { Processing } from "../observability/telemetry.ts";
import { monotonicMs } from "../time/clock.ts";
import type { RegisteredJob, HandlerRegistry } from "./handler-registry.ts";

/** The state of one run, which the steps of `execute` fill in one after the other. */
export class Run {
  readonly registry: HandlerRegistry;
  readonly startedAt: number = monotonicMs();
  /** As it came. From `readEnvelope` on, of a signed wrapper the envelope and the signature inside it. */
  delivery: Delivery;
  /** Set by `readEnvelope`, unless the body is invalid. */
  parsed: Envelope | null = null;
  /** Set by `readEnvelope` where the body is invalid. */
  invalid: Error | null = null;
  /** Set by `readEnvelope`: why the signature of a wrapper around an invalid envelope is refused. */
  forged: string | null = null;
  /** Set by `startSpan`, unless nothing is traced. */
  processing: Processing | null = null;
  /** Set by `findJob`. */
  found: RegisteredJob | null = null;
  /** Unix milliseconds by which all attempts must have ended, set by `endPastDeadline`. Null: no deadline. */
  endsAt: number | null = null;
  /** What the handler returned, where that is kept. */
  returned: unknown = undefined;
  /** Set once the handler has been called. */
  handlerCalled = false;

  constructor(delivery: Delivery, registry: HandlerRegistry) {
    this.delivery = delivery;
    this.registry = registry;
  }

  /** For the steps after `refuseInvalidBody`. */
  get envelope(): Envelope {
    if (this.parsed === null) throw new Error("a step of execute used the envelope before it was read");
    return this.parsed;
  }

  /** For the steps after `findJob`. */
  get job(): RegisteredJob {
    if (this.found === null) throw new Error("a step of execute used the job before it was found");
    return this.found;
  }

  get queue(): string {
    return this.delivery.label?.queue ?? this.parsed?.queue ?? defaults.queue;
  }

  /** The caller's handle on this run, or a new one where the caller never cancels. */
  handle(): RunHandle {
    return this.delivery.handle ?? new RunHandle();
  }
}
