import { type Answer, type Receipt, WaybillError } from "@waybill/core";
import {
  type BackendContext,
  type ExaminableBackend,
  type InspectableBackend,
  type Message,
  notStored,
} from "@waybill/core/backend";
import { createBatches, type Outgoing } from "./batches.ts";
import { fifoCapabilities, standardCapabilities } from "./capabilities.ts";
import { createClient, type Client } from "./client.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { createDoctor } from "./doctor.ts";
import { sqsError } from "./errors.ts";
import { createFreshQueues } from "./fresh-queues.ts";
import { createInspector } from "./inspector.ts";
import { outgoingOf, tooLong } from "./limits.ts";
import { createMoves } from "./moves.ts";
import type { Settings } from "./options.ts";
import { perQueue } from "./per-queue.ts";
import { openQueues, type Queue } from "./queues.ts";
import { createReceive } from "./receive.ts";
import { createSettle } from "./settle.ts";
import { createWaiting } from "./waiting.ts";

/** One connection to SQS: the seven verbs. */
export async function openSqs(
  settings: Settings,
  context: BackendContext,
): Promise<InspectableBackend & ExaminableBackend> {
  const { address, fifo, pollSeconds } = settings;
  const has = fifo ? fifoCapabilities : standardCapabilities;
  const made = createClient(settings);
  const fresh = createFreshQueues(made.send);
  const client: Client = { ...made, send: fresh.send };
  const queues = await openQueues(fresh, settings).catch((thrown: unknown) => {
    client.destroy();
    throw thrown;
  });
  const batches = createBatches(client.send);
  const moves = createMoves(batches, queues);
  const settle = createSettle(batches, moves, has, fifo);
  const receive = createReceive(client, moves, context, fifo);
  const waiting = createWaiting(queues, receive, settle.giveBack, pollSeconds);
  const deadLetters = createDeadLetters(client.send, batches, queues.dead, settings.prefix, context.admit);
  let closing: Promise<void> | undefined;

  function ensureOpen(): void {
    if (closing !== undefined) {
      throw new WaybillError("BACKEND_CLOSED", `${address} was closed; connect again to use it`);
    }
  }

  async function close(): Promise<void> {
    await waiting.close();
    client.destroy();
  }

  async function prepared(message: Message): Promise<(Outgoing & { readonly queue: Queue }) | WaybillError> {
    try {
      const queue = await queues.find(message.queue);
      const outgoing = outgoingOf(message, queue, settings, has);
      return outgoing instanceof WaybillError ? outgoing : { ...outgoing, queue };
    } catch (thrown) {
      // A queue that is missing must not sink the messages for others.
      return notStored(sqsError(thrown, `finding the queue of job "${message.id}"`, "open"));
    }
  }

  return {
    name: "sqs",
    address,
    capabilities: has,
    inspector: createInspector(client.send, batches, queues, deadLetters, settings, ensureOpen),
    doctor: createDoctor(queues, settings),
    async enqueue(messages) {
      ensureOpen();
      const outgoing = await Promise.all(messages.map(prepared));
      const answers = await perQueue(outgoing, (queue, some) => batches.send(queue, some));
      return answers.map((answer, index): Answer<Receipt> => {
        const id = messages[index]?.id ?? "";
        return answer.ok ? { ok: true, value: { id, stored: true } } : answer;
      });
    },
    async lease(request) {
      ensureOpen();
      if (request.leaseMs > has.maxLeaseMs) {
        throw tooLong("lease", request.queue, request.leaseMs, has.maxLeaseMs);
      }
      return waiting.lease(request);
    },
    async ack(leases) {
      ensureOpen();
      return settle.ack(leases);
    },
    async retry(lease, request) {
      ensureOpen();
      return settle.retry(lease, request);
    },
    async deadLetter(lease, reason) {
      ensureOpen();
      return settle.deadLetter(lease, reason);
    },
    async extend(leases, leaseMs) {
      ensureOpen();
      return settle.extend(leases, leaseMs);
    },
    close: () => (closing ??= close()),
  };
}
