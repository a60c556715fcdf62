import type { Jobs } from "../connect/connect.ts";
import { WaybillError } from "../errors.ts";
import { Forwarded, RetryLater } from "../job/handler-errors.ts";
import { forwardEvery } from "../job/forward-every.ts";
import { dead } from "../job/outcome.ts";
import { pause } from "../time/pause.ts";
import { member, textMember } from "../values/any-value.ts";

const LOOK_MS = 50;

/**
 * Leases the jobs of these queues, which hold failed jobs of another system and nothing else, and dead-letters each with its last error.
 * Resolves once the queues are empty. Rejects `CAPABILITY_MISSING` where the backend cannot count its jobs.
 */
export async function deadLetterAll(jobs: Jobs, queues: readonly string[]): Promise<void> {
  const { inspector } = jobs;
  if (inspector === null)
    throw new WaybillError(
      "CAPABILITY_MISSING",
      `${jobs.backend.name} cannot be inspected; import with failed: "leave"`,
    );
  const everyJob = forwardEvery({
    handler: (_, { envelope }) => {
      const meta = envelope.meta ?? {};
      // Another program put it there.
      if (!Object.hasOwn(meta, "bridge.error")) throw new RetryLater("1m");
      const message = textMember(member(meta, "bridge.error"), "message") ?? "the other system stored no error";
      throw new Forwarded(dead("ATTEMPTS_EXHAUSTED", message));
    },
  });
  const worker = jobs.worker({ jobs: [everyJob], queues, concurrency: 20 });
  await worker.start();
  try {
    for (;;) {
      const counts = await inspector.counts(queues);
      if (!counts.some(({ queue, ready, leased }) => queues.includes(queue) && ready + leased > 0)) return;
      await pause(LOOK_MS);
    }
  } finally {
    await worker.stop();
  }
}
