import type { InstanceMetadata } from "./instance-metadata.ts";
import { poll } from "./poll.ts";
import type { SourceHost } from "./source.ts";

/** Items are asked for this often: with the request's limit of 1 s a change is seen within 4 s, also when one request fails. */
const INTERVAL_MS = 1_500;

/** What a source reads again and again. */
export interface WatchedItem {
  readonly path: string;
  /** Receives what the item contains, null while it is absent. Returns whether to go on. */
  readonly onText: (text: string | null) => boolean;
}

/**
 * Reads the items until one of them ends the watch, or the signal is aborted. A read that fails changes nothing: the first one is
 * logged, and so is the first success after it. Resolves after the first look, with a function that waits for the end.
 */
export async function watchItems(
  metadata: InstanceMetadata,
  items: readonly WatchedItem[],
  { log, signal }: SourceHost,
): Promise<() => Promise<void>> {
  let failures: "none" | "logged" | "over" = "none";

  async function look(): Promise<boolean> {
    for (const { path, onText } of items) {
      const item = await metadata.read(path, signal);
      if (signal.aborted) return false;
      if (item.kind === "failed") {
        if (failures === "none") {
          failures = "logged";
          log(
            `the instance metadata cannot be read (${item.message}); the program runs, and a termination is not seen until it can. ` +
              "On EC2, allow IMDSv2 with a hop limit of 2 for containers; elsewhere leave out `--platform ec2`, or this source",
          );
        }
        return true;
      }
      if (failures === "logged") {
        failures = "over";
        log("the instance metadata can be read again");
      }
      if (!onText(item.kind === "found" ? item.text : null)) return false;
    }
    return true;
  }

  const { first, ended } = poll(look, INTERVAL_MS, signal);
  await first;
  return () => ended;
}
