import { DeadLetter, defineJob, type JobDefinition, type KeyParts } from "@waybill/core";
import { readLines } from "../record.ts";

export interface Payload {
  readonly key: string;
  /** How long the handler runs, and how it ends at its first attempt. */
  readonly ms: number;
  readonly ends: "well" | "failed" | "dead";
}

/** What a producer or a handler did, one line each. */
export interface UniqueDeed {
  readonly what: "stored" | "start" | "end" | "dead";
  readonly id: string;
  readonly type: string;
  readonly key: string;
  /** Unix milliseconds. Of "stored": when the response had come. */
  readonly at: number;
  /** Of "stored": when it was asked for, and the job whose place it took. */
  readonly askedAt?: number;
  readonly replaced?: string;
}

export const readUnique = (file: string): UniqueDeed[] => readLines(file).map((line) => JSON.parse(line) as UniqueDeed);

const by = ({ key }: Payload): KeyParts => key;

/** One type for each kind of key. */
export function uniqueJobs(
  handler: (job: { type: string; id: string; attempt: number }, payload: Payload) => Promise<void>,
): readonly JobDefinition<Payload>[] {
  const unique = {
    "unique.end": { by, until: "end" },
    "unique.start": { by, until: "start", onConflict: "ignore" },
    "unique.replace": { by, until: "end", onConflict: "replace" },
  } as const;
  return Object.entries(unique).map(([type, rule]) =>
    defineJob<Payload>({
      type,
      unique: rule,
      retry: { initial: 20, factor: 1, jitter: false },
      handler: (payload, { id, attempt }) => handler({ type, id, attempt }, payload),
    }),
  );
}

/** Ends a run as its payload says. */
export function ended({ ends }: Payload, attempt: number): void {
  if (ends === "dead") throw new DeadLetter("as asked");
  if (ends === "failed" && attempt === 1) throw new Error("as asked");
}
