import {
  type BackendContext,
  createCloseGuard,
  type ExaminableBackend,
  type InspectableBackend,
  tooLong,
} from "@waybill/core/backend";
import { fifoCapabilities, standardCapabilities } from "./capabilities.ts";
import { createBatches } from "./client/batches.ts";
import { createClient } from "./client/client.ts";
import { createDoctor } from "./doctor.ts";
import { createEnqueue } from "./enqueue.ts";
import { createInspector } from "./inspector.ts";
import { createLeases } from "./lease.ts";
import type { Settings } from "./options.ts";
import { createDeadLetters } from "./queues/dead-letters.ts";
import { createNewQueues } from "./queues/new-queues.ts";
import { openQueues } from "./queues/queues.ts";
import { createSettle } from "./settle.ts";

/** Opens the backend. Rejects CONFIG_INVALID for queues that are missing or unfit, and for a caller that SQS refuses. */
export async function openSqs(
  settings: Settings,
  { admit }: BackendContext,
): Promise<InspectableBackend & ExaminableBackend> {
  const { address, fifo, pollSeconds, prefix } = settings;
  const capabilities = fifo ? fifoCapabilities : standardCapabilities;
  const client = createClient(settings);
  const newQueues = createNewQueues(client.send);
  const { send } = newQueues;
  const queues = await openQueues(newQueues, settings).catch((thrown: unknown) => {
    client.destroy();
    throw thrown;
  });
  const batches = createBatches(send);
  const settle = createSettle(batches, queues.dead, capabilities, fifo);
  const leases = createLeases({ send, queues, settle, admit, fifo, pollSeconds });
  const deadLetters = createDeadLetters(send, batches, queues.dead, prefix, admit);
  const guard = createCloseGuard(address, async () => {
    await leases.close();
    client.destroy();
  });

  return {
    name: "sqs",
    address,
    capabilities,
    inspector: createInspector({ send, batches, queues, deadLetters, settings, assertOpen: guard.assertOpen }),
    doctor: createDoctor(queues, settings, send),
    ...guard.verbs({
      ...settle,
      enqueue: createEnqueue(settings, capabilities, queues, batches),
      lease(request) {
        const { queue, leaseMs } = request;
        if (leaseMs > capabilities.maxLeaseMs) throw tooLong("lease", queue, leaseMs, capabilities.maxLeaseMs);
        return leases.lease(request);
      },
    }),
    close: () => guard.close(),
  };
}
