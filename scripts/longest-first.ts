import { BaseSequencer, type TestSpecification } from "vitest/node";

/** A scenario on one backend, or the contract suite on one: a few lines that run for minutes. */
const LONG = /\/([\w-]+)-(sqlite|bullmq|postgres|rabbitmq|sqs)\.process\.test\.ts$|\/contract(-\w+)?\.test\.ts$/;

/**
 * Starts long files early, so that no worker waits for one at the end, and apart from each other, because they are the
 * busiest. Where no earlier run is known, vitest takes the largest file for the longest, but these are the smallest.
 */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const groups = Map.groupBy(await super.sort(files), ({ project }) => project.config.sequence.groupOrder);
    return [...groups.values()].flatMap((group) => spread(group, ({ moduleId }) => moduleId));
  }
}

/** Puts the long files at equal distances into the first half of the others. */
export function spread<T>(files: readonly T[], pathOf: (file: T) => string): T[] {
  const long = files
    .filter((file) => LONG.test(pathOf(file)))
    .toSorted((a, b) => compare(key(pathOf(a)), key(pathOf(b))));
  const others = files.filter((file) => !long.includes(file));
  const step = Math.max(1, Math.floor(others.length / 2 / Math.max(1, long.length)));
  const early = long.flatMap((file, at) => [file, ...others.slice(at * step, (at + 1) * step)]);
  return [...early, ...others.slice(long.length * step)];
}

/** The same scenario on all backends would fill both cores at the same moments, so the backend comes first. */
function key(path: string): string {
  const [, scenario, backend] = LONG.exec(path) ?? [];
  return backend === undefined ? path : `${backend} ${scenario}`;
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
