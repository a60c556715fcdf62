import type { Batches, Hidden } from "./batches.ts";
import type { Queue } from "./queues.ts";

/**
 * Hides messages in hand for another `seconds` again and again, until `end` is called. The time itself may be short then: it
 * is what others wait for the messages after a crash. A renewal that fails is not reported: it hides nothing from anybody.
 */
export function renewHold(
  batches: Batches,
  queue: Queue,
  seconds: number,
  inHand: () => readonly Omit<Hidden, "seconds">[],
): { end(): Promise<void> } {
  let ended = false;
  let renewed = Promise.resolve();
  const timer = setInterval(
    () => {
      renewed = renewed.then(renew);
    },
    (seconds * 1_000) / 3,
  );

  async function renew(): Promise<void> {
    if (ended) return;
    await batches.hide(
      queue,
      inHand().map((one) => ({ ...one, seconds })),
    );
  }

  return {
    /** Resolves when SQS has answered the last renewal, so that no renewal overtakes what is sent next. */
    async end() {
      ended = true;
      clearInterval(timer);
      await renewed;
    },
  };
}
