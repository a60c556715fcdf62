/** The position of a job, as a lease or a dead letter has it: text, since another program's may be beyond 2^53. */
export type Seq = string | number | bigint;
