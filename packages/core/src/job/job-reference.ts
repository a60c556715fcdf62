/** The type of a job's result, in the types alone. */
declare const result: unique symbol;

/** Names a job whose definition is known: its type has the type of the job's result, for `jobs.result`. */
export interface JobReference<Result = unknown> {
  readonly id: string;
  /** Always absent: it exists for the compiler alone. */
  readonly [result]?: Result;
}
