import type { Lease } from "@waybill/core/backend";
import type { Delivery, Intake } from "./intake.ts";
import type { Waiting } from "./waiting.ts";

/** What the broker has sent and nobody has leased yet. */
export interface Arrivals {
  readonly size: number;
  add(lease: Lease): void;
  take(limit: number): Lease[];
  /** Forgets what a dead channel had delivered: the broker has it again. */
  sweep(): void;
  /** Nobody has touched it: all of it goes back, and the broker sends nothing more unasked. */
  giveBack(): void;
  /** Looks whether anybody still asks; what waits unasked goes back after a while. */
  watch(): void;
}

/** What arrived and is not asked for within this time goes back to the broker: another worker may be idle. */
const UNTOUCHED_MS = 1_000;

export function createArrivals(waiting: () => Waiting, intake: () => Intake | null): Arrivals {
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
      if (waiting().size === 0) giveBack();
    }, UNTOUCHED_MS).unref();
  }

  function giveBack(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    intake()?.stop();
    for (const { token } of arrived.splice(0)) {
      const delivery = token as Delivery;
      if (delivery.intake.alive) delivery.intake.putBack(delivery);
    }
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
      arrived = arrived.filter(({ token }) => (token as Delivery).intake.alive);
    },
    giveBack,
    watch,
  };
}
