import type { Channel } from "amqplib";

/** Resolves once the broker has handled all that was sent on a channel before the call. Rejects when the channel ends first. */
export type RoundTrip = () => Promise<void>;

/** Calls that come while one question is on its way share the next. */
export function createRoundTrips(channel: Channel): RoundTrip {
  let current: Promise<void> | null = null;
  let next: Promise<void> | null = null;

  async function ask(): Promise<void> {
    try {
      // The cheapest question there is. Each subscription sets its own prefetch, so this changes nothing.
      await channel.prefetch(1);
    } finally {
      current = next;
      next = null;
    }
  }

  return () => {
    if (current === null) return (current = ask());
    next ??= current.then(ask, ask);
    return next;
  };
}
