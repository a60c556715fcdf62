import type { TestContext } from "vitest";
import { type TerminationOptions, type TerminationWatch, watchTermination } from "@waybill/platforms";

export interface Watched {
  readonly watch: TerminationWatch;
  readonly lines: string[];
  /** The reasons that `stop` was called with, in order, each with its time. */
  readonly stops: { readonly reason: string; readonly at: number }[];
}

/** A watch that ends with the test. `stop` resolves at once unless the test passes its own. */
export async function watched(
  { onTestFinished }: TestContext,
  sources: TerminationOptions["sources"],
  stop: (reason: string) => unknown = () => {},
): Promise<Watched> {
  const lines: string[] = [];
  const stops: Watched["stops"] = [];
  const watch = await watchTermination({
    sources,
    stop(reason) {
      stops.push({ reason, at: performance.now() });
      return stop(reason);
    },
    log: (line) => void lines.push(line),
  });
  onTestFinished(() => watch.close());
  return { watch, lines, stops };
}
