import type { Envelope } from "../envelope/index.ts";

/** Records one run. No function throws. */
export interface Recording {
  /** The handler is about to run. */
  started(envelope: Envelope): void;
  progress(done: number, total: number | undefined, message: string | undefined): void;
  log(text: string): void;
}
