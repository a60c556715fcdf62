/** What has happened to the jobs of a test, on both sides, by their number. */
export interface Runs {
  /** Runs that ended well, by number. */
  readonly done: Map<number, number>;
  /** Runs that failed, by number. */
  readonly failures: Map<number, number>;
  /** When each run started, in Unix milliseconds, by number. */
  readonly starts: Map<number, number[]>;
  /** How many ended well on each side. */
  readonly by: Map<"old" | "new", number>;
  /** Lets the old side end its gated runs. */
  openGate(): void;
  /** Runs one job, as its data says. Rejects where it says that this run fails. */
  run(side: "old" | "new", data: JobData): Promise<void>;
}

/** The data of every job. */
export interface JobData {
  readonly to: string;
  /** 1 to 1,000. */
  readonly number: number;
  /** The runs that fail before one ends well. Absent: none. */
  readonly fails?: number;
  /** On the old side, its run lasts until `openGate` is called, so that the new one gets its share. Absent: it does not. */
  readonly gated?: true;
}

const add = <Key>(counts: Map<Key, number>, key: Key): void => void counts.set(key, (counts.get(key) ?? 0) + 1);

export function startRuns(): Runs {
  const [done, failures, starts] = [new Map<number, number>(), new Map<number, number>(), new Map<number, number[]>()];
  const by = new Map<"old" | "new", number>();
  let openGate = (): void => undefined;
  const gate = new Promise<void>((resolve) => (openGate = resolve));
  return {
    openGate,
    done,
    failures,
    starts,
    by,
    async run(side, { number, fails = 0, gated }) {
      starts.set(number, [...(starts.get(number) ?? []), Date.now()]);
      if (side === "old" && gated) await gate;
      if ((failures.get(number) ?? 0) < fails) {
        add(failures, number);
        throw new Error(`run ${failures.get(number)} of job ${number} fails`);
      }
      add(done, number);
      add(by, side);
    },
  };
}
