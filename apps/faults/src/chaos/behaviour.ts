/** What a job of the chaos scenario does to its process, and how often each is drawn. */
export const behaviours = ["quick", "sleep", "block", "exit", "heap", "reject"] as const;
export type Behaviour = (typeof behaviours)[number];

/** Of 1,000 jobs. The rest are quick. */
const SHARES: readonly (readonly [Behaviour, number])[] = [
  ["sleep", 150],
  ["block", 10],
  ["exit", 7],
  ["heap", 3],
  ["reject", 3],
];

export interface Act {
  readonly behaviour: Behaviour;
  /** How long it sleeps or blocks; 0 for the others. */
  readonly ms: number;
}

/** Draws what a job does. `random` returns numbers from 0 up to 1; a block lasts for up to twice the lease. */
export function drawAct(random: () => number, leaseMs: number): Act {
  let left = random() * 1_000;
  for (const [behaviour, share] of SHARES) {
    left -= share;
    if (left < 0) return { behaviour, ms: lengthOf(behaviour, random, leaseMs) };
  }
  return { behaviour: "quick", ms: 0 };
}

function lengthOf(behaviour: Behaviour, random: () => number, leaseMs: number): number {
  if (behaviour === "sleep") return Math.ceil(random() * 300);
  return behaviour === "block" ? Math.ceil(random() * 2 * leaseMs) : 0;
}
