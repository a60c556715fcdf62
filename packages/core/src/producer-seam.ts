import type { Backend, Message, Receipt } from "./backend.ts";
import { WaybillError } from "./errors.ts";
import { Gather } from "./gather.ts";
import { plain } from "./plain-errors.ts";
import { transactionalOf } from "./transactional.ts";

/** What a producer asks of a backend. */
export interface ProducerSeam {
  readonly capabilities: Backend["capabilities"];
  /** One message out of many callers; rejects within `timeoutMs` of being sent. */
  enqueue(message: Message): Promise<Receipt>;
  /** One message within the caller's transaction, not gathered. `CAPABILITY_MISSING` where the backend has none. */
  enqueueIn(transaction: unknown, message: Message): Promise<Receipt>;
  /** Resolves when every gathered call has been answered. */
  whenIdle(): Promise<void>;
}

export function createProducerSeam(backend: Backend, timeoutMs: number): ProducerSeam {
  const { maxBatch, maxBatchBytes, maxInFlight } = backend.capabilities;
  const enqueues = new Gather<Message, Receipt>(
    (messages) => plain(backend.enqueue(messages)),
    { maxBatch, maxBytes: maxBatchBytes, maxInFlight, timeoutMs },
    (message) => Buffer.byteLength(message.body),
  );
  return {
    capabilities: backend.capabilities,
    enqueue: (message) => enqueues.add(message),
    async enqueueIn(transaction, message) {
      const [answer] = await plain(transactionalOf(backend).enqueueIn(transaction, [message]));
      if (answer === undefined) throw new WaybillError("BACKEND_UNAVAILABLE", "the backend gave no answer");
      if (!answer.ok) throw answer.error;
      return answer.value;
    },
    whenIdle: () => enqueues.whenIdle(),
  };
}
