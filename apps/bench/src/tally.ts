/** Counts handlers as they run, and wakes who waits for a number of them. */
export interface Tally {
  readonly ran: () => number;
  readonly count: () => void;
  /** Resolves when `goal` handlers have run in all. One waiter at a time. */
  readonly reaches: (goal: number) => Promise<void>;
}

export function createTally(): Tally {
  let ran = 0;
  let goal = Number.POSITIVE_INFINITY;
  let wake = (): void => undefined;
  return {
    ran: () => ran,
    count: () => {
      if (++ran >= goal) wake();
    },
    reaches: (wanted) =>
      new Promise((resolve) => {
        goal = wanted;
        wake = resolve;
        if (ran >= wanted) resolve();
      }),
  };
}
