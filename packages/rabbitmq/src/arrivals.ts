import type { Lease } from "@waybill/core/backend";
import { deliveryOf, type Intake } from "./intake.ts";
import type { Waiting } from "./waiting.ts";

/** What the broker has sent and nobody has leased yet. */
export interface Arrivals {
  readonly size: number;
  add(lease: Lease): void;
  take(limit: number): Lease[];
  /** Forgets what a dead channel had delivered: the broker has it again. */
  sweep(): void;
  /** Ends the subscriptions and releases what nobody has leased, uncounted. Never rejects. */
  giveBack(): Promise<void>;
  /** Looks whether anybody still asks; what waits unasked goes back after a while. */
  watch(): void;
}

/** What arrived and is not asked for within this time goes back to the broker: another worker may be idle. */
const UNTOUCHED_MS = 1_000;

export function createArrivals(
  waiting: () => Waiting,
  intake: () => Intake | null,
  release: (lease: Lease) => Promise<void>,
  ask: () => void,
): Arrivals {
  let arrived: Lease[] = [];
  let serving = false;
  let timer: NodeJS.Timeout | null = null;

  const take = (limit: number): Lease[] => arrived.splice(0, limit);

  function serve(): void {
    serving = false;
    waiting().serve(take);
    watch();
  }

  function watch(): void {
    const unasked = arrived.length > 0 || (intake()?.spare() ?? 0) > 0;
    if (waiting().size > 0 || !unasked || timer !== null) return;
    timer = setTimeout(() => {
      timer = null;
      if (waiting().size === 0) void giveBack();
    }, UNTOUCHED_MS).unref();
  }

  async function giveBack(): Promise<void> {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    await intake()?.stop();
    const unasked = arrived.splice(0);
    // For calls that came meanwhile: what they counted on has ended.
    ask();
    await Promise.all(unasked.map(release));
  }

  return {
    get size() {
      return arrived.length;
    },
    add(lease) {
      arrived.push(lease);
      if (serving) return;
      serving = true;
      // At the end of this turn, so that all that came in one piece from the socket is shared out together.
      queueMicrotask(serve);
    },
    take,
    sweep() {
      arrived = arrived.filter((lease) => deliveryOf(lease) !== null);
    },
    giveBack,
    watch,
  };
}
