import type { DeadLetterRecord, DeadReason } from "@waybill/core";
import type { BackendContext, Lease, Message, Rejection } from "@waybill/core/backend";
import type { Arrival, FreshStore } from "../../src/index.ts";
import type { Whole } from "./planted.ts";

/** What happens to one arrival, step by step, so that a defect can be planted in each. */
export interface Inbox {
  judge(arrival: Arrival): ReturnType<BackendContext["admit"]>;
  store(message: Message): Promise<DeadReason | null>;
  keep(arrival: Arrival, reason: DeadReason): void;
  replay(letter: DeadLetterRecord): void;
  report(rejection: Rejection): void;
  /** Something has arrived while a call waits. */
  hear(look: () => Promise<void>): Promise<void>;
}

/** No other process can write to this memory: for the rules about arrivals the backend gets an inbox. */
export function withInbox(open: () => Promise<Whole>): Required<Pick<FreshStore, "open" | "arrive">> {
  const arrived: Arrival[] = [];
  const kept: DeadLetterRecord[] = [];
  const waiting = new Set<() => Promise<void>>();

  function plainInbox(backend: Whole, { admit, report }: BackendContext): Inbox {
    return {
      judge: ({ body }) => admit(body, null),
      async store(message) {
        const [result] = await backend.enqueue([message]);
        return result === undefined || result.ok ? null : { code: result.error.code, message: result.error.message };
      },
      keep: ({ id, queue, body }, reason) =>
        void kept.unshift({ id, type: "", queue, reason, attempt: 1, diedAt: Date.now(), body }),
      hear: (look) => look(),
      report: (rejection) => report.rejected(rejection),
      replay: ({ id, queue, body }) => void arrived.push({ id, queue, body }),
    };
  }

  async function drain(inbox: Inbox): Promise<void> {
    for (let arrival = arrived.shift(); arrival !== undefined; arrival = arrived.shift()) {
      const verdict = inbox.judge(arrival);
      const reason = verdict.ok ? await inbox.store(verdict.message) : verdict.reason;
      if (reason === null) continue;
      inbox.keep(arrival, reason);
      inbox.report({ id: arrival.id, queue: arrival.queue, reason });
    }
  }

  return {
    async arrive(arrival) {
      arrived.push(arrival);
      for (const hear of waiting) await hear();
    },
    async open(context) {
      const backend = await open();
      const plain = plainInbox(backend, context);
      const inbox = { ...plain, ...backend.inbox?.(plain) };
      const look = (): Promise<void> => drain(inbox);
      const hear = (): Promise<void> => inbox.hear(look);
      return {
        ...backend,
        inspector: {
          ...backend.inspector,
          deadLetters: async (query) => [...kept, ...(await backend.inspector.deadLetters(query))],
          async replay(query) {
            const again = kept.splice(0);
            again.forEach(inbox.replay);
            return again.length + (await backend.inspector.replay(query));
          },
        },
        async lease(request): Promise<Lease[]> {
          await look();
          waiting.add(hear);
          const found = await backend.lease(request);
          waiting.delete(hear);
          return found;
        },
      } satisfies Whole;
    },
  };
}
