import type { Scenario } from "./frame/scenario.ts";

/** How much of the places a scenario takes; "alone": all of them. */
const TAKES = { waits: 1, works: 2, alone: Infinity } as const;

/** Places that scenarios share, so that none spoils what another one measures. */
export interface Places {
  /** Runs it once there is room: side by side with others, the first that fits. One that measures comes after all others. */
  use<T>(scenario: Pick<Scenario, "load">, run: () => Promise<T>): Promise<T>;
}

interface Waiting {
  readonly takes: number;
  readonly begin: () => void;
}

/** As many places as scenarios that wait may run at once. */
export function createPlaces(places: number): Places {
  const waiting: Waiting[] = [];
  let taken = 0;

  function next(): void {
    for (;;) {
      const at = waiting.findIndex(({ takes }) => takes < places && taken + takes <= places);
      const last = at === -1 && taken === 0 ? 0 : at;
      const [one] = last === -1 ? [] : waiting.splice(last, 1);
      if (one === undefined) return;
      taken += one.takes;
      one.begin();
    }
  }

  return {
    async use({ load }, run) {
      const takes = Math.min(places, TAKES[load]);
      const begun = new Promise<void>((resolve) => waiting.push({ takes, begin: resolve }));
      // Once all who ask at the same time have asked.
      setImmediate(next);
      await begun;
      try {
        return await run();
      } finally {
        taken -= takes;
        next();
      }
    },
  };
}
