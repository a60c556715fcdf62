/** What a source reports when the machine is about to end. */
export interface TerminationNotice {
  /** Passed to `stop`, which writes it to the report of the shutdown. Such as "EC2_AUTO_SCALING". */
  readonly reason: string;
  /** How long `stop` may take, from now on. Shortly before its end `stop` is called a second time. */
  readonly limitMs: number;
}

/** How `stop` ended; `"limit"`: it had not ended when the time was over. */
export type StopResult = "stopped" | "failed" | "limit";

/** What a source is given. */
export interface SourceHost {
  /**
   * Stops the program. Resolves once `stop` has ended, or at the limit of the notice. Several notices share one stop, and the
   * earliest limit forces it. Never rejects.
   */
  terminate(notice: TerminationNotice): Promise<StopResult>;
  /** Writes one line, which begins with the name of the source. */
  readonly log: (line: string) => void;
  /** Aborted by `close`: a source ends its requests and timers. */
  readonly signal: AbortSignal;
}

/** Reports beforehand that the machine is about to end. */
export interface TerminationSource {
  /** For log lines. */
  readonly name: string;
  /**
   * Begins to watch. Resolves after the first look, so that a program that starts on a machine that is about to end leases no job.
   * Returns a function that resolves once the work of the source is done. Rejects with `CONFIG_INVALID` for options that
   * cannot work, and for nothing that the platform does.
   */
  watch(host: SourceHost): Promise<() => Promise<void>>;
}
