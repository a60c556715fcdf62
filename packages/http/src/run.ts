import { WaybillError } from "@waybill/core";
import { Execution } from "@waybill/core/door";
import type { PushAnswer, Push } from "./push.ts";

/** What a run tells: first that its answer is known, then that its handler has ended, which one deaf to its abort delays. */
export interface RunListener {
  decided(): void;
  ended(): void;
}

/** One job in hand, and everybody who waits for its answer. */
export class Run {
  readonly body: string;
  readonly execution: Execution = new Execution();
  /** Its answer is known; only its handler may go on. */
  decided = false;
  readonly #answer: Promise<PushAnswer>;
  readonly #abortMs: number;
  #waiting = 0;

  /** `abortMs`: how long the handler may go on once nobody waits any more. */
  constructor(
    body: string,
    abortMs: number,
    begin: (execution: Execution) => Promise<PushAnswer>,
    listener: RunListener,
  ) {
    this.body = body;
    this.#abortMs = abortMs;
    this.#answer = begin(this.execution);
    const decided = (): void => {
      this.decided = true;
      listener.decided();
      this.execution.whenEnded(() => listener.ended());
    };
    this.#answer.then(decided, decided);
  }

  /** One more sender waits. When the last has gone, the job is aborted: whoever has it will send it again. */
  answer({ onGone }: Push): Promise<PushAnswer> {
    this.#waiting += 1;
    onGone(() => {
      this.#waiting -= 1;
      if (this.#waiting === 0 && !this.decided) this.execution.cancel(nobodyWaits(), this.#abortMs);
    });
    return this.#answer;
  }
}

function nobodyWaits(): WaybillError {
  return new WaybillError("JOB_CANCELLED", "whoever sent the job no longer waits for its answer");
}
