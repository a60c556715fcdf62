import { rounded } from "./row.ts";

/** The middle value; of an even number, the lower of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new Error("the median of no values was asked for");
  return middle;
}

/** The value below which `share` (0 to 1) of the values lie, by nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error("a percentile of no values was asked for");
  return value;
}

/**
 * Runs every side once a round, in turn, so that a slow minute of the machine falls on all of them, and returns
 * the median of each. Odd rounds go backwards: no side is always the one that follows another.
 */
export async function interleave<Side extends string>(
  rounds: number,
  sides: Readonly<Record<Side, () => Promise<number>>>,
): Promise<Record<Side, number>> {
  const names = Object.keys(sides) as Side[];
  const results = new Map<Side, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) results.get(name)?.push(await sides[name]());
  }
  return Object.fromEntries(names.map((name) => [name, rounded(median(results.get(name) ?? []))])) as Record<
    Side,
    number
  >;
}
