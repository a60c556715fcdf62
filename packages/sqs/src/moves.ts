import type { Answer, DeadReason } from "@waybill/core";
import { type Attributes, sizeOf } from "./attributes.ts";
import type { Batches, Outgoing } from "./batches.ts";
import { type Collect, collect } from "./collect.ts";
import { type Delivery, jobOf, LONGEST_SLEEP_S } from "./delivery.ts";
import {
  deadAttributes,
  groupOf,
  type History,
  historyAttributes,
  labelAttributes,
  type Label,
  merged,
} from "./label.ts";
import type { Queue, Queues } from "./queues.ts";

/** Ways for a message to leave our hands. All store first and remove second, and share calls with their neighbours. */
export interface Moves {
  /** Standard: a copy with this history takes the message's place, once it is due. */
  replace(delivery: Delivery, label: Label | null, history: History): Promise<Answer<null>>;
  /** FIFO: the message itself stays hidden for so long. */
  sleep(delivery: Delivery, forMs: number): Promise<Answer<null>>;
  /** Into the dead-letter queue. */
  bury(delivery: Delivery, label: Label | null, from: string, reason: DeadReason): Promise<Answer<null>>;
  /** It is done with. */
  remove(delivery: Delivery): Promise<Answer<null>>;
}

const LONGEST_DELAY_S = 900;

export function createMoves(batches: Batches, { dead }: Queues): Moves {
  const send: Collect<Outgoing> = collect((queue, messages) => batches.send(queue, messages));
  const remove: Collect<Delivery> = collect((queue, some) =>
    batches.remove(
      queue,
      some.map((delivery) => ({ job: jobOf(delivery), handle: delivery.handle })),
    ),
  );
  const hide: Collect<{ delivery: Delivery; seconds: number }> = collect((queue, some) =>
    batches.hide(
      queue,
      some.map(({ delivery, seconds }) => ({ job: jobOf(delivery), handle: delivery.handle, seconds })),
    ),
  );

  async function removed(delivery: Delivery): Promise<Answer<null>> {
    const answer = await remove(delivery.queue, delivery);
    if (answer.ok) delivery.settled = true;
    return answer;
  }

  /** Once the copy is stored, a lease that turns out to be lost means a second copy at worst: the move is done. */
  async function moved(delivery: Delivery, to: Queue, copy: Outgoing): Promise<Answer<null>> {
    if (!delivery.replaced) {
      const answer = await send(to, copy);
      if (!answer.ok) return answer;
      delivery.replaced = true;
    }
    const answer = await removed(delivery);
    if (answer.ok || answer.error.code !== "LEASE_LOST") return answer;
    delivery.settled = true;
    return { ok: true, value: null };
  }

  return {
    remove: removed,
    replace(delivery, label, history) {
      const waitMs = history.dueAt === null ? 0 : Math.max(0, history.dueAt - Date.now());
      const copy = copyOf(
        delivery,
        { ...(label && labelAttributes(label)), ...historyAttributes(history) },
        delivery.queue,
      );
      const delaySeconds = Math.min(LONGEST_DELAY_S, Math.ceil(waitMs / 1_000));
      const group = label?.tenant == null ? delivery.group : groupOf(label);
      return moved(delivery, delivery.queue, { ...copy, delaySeconds, group });
    },
    async sleep(delivery, forMs) {
      const seconds = Math.min(LONGEST_SLEEP_S, Math.ceil(forMs / 1_000));
      const answer = await hide(delivery.queue, { delivery, seconds });
      if (answer.ok) delivery.settled = true;
      return answer;
    },
    bury(delivery, label, from, reason) {
      const said = { ...(label && labelAttributes(label)), ...deadAttributes(from, reason) };
      const copy = copyOf(delivery, { ...said, ...historyAttributes({ ...delivery.history, dueAt: null }) }, dead);
      const fifo = dead.name.endsWith(".fifo");
      // Each alone: no letter waits for another.
      const own = fifo ? delivery.messageId : null;
      return moved(delivery, dead, { ...copy, group: own, dedupe: own });
    },
  };
}

/** The message again, its text untouched. Where a foreign body leaves no room for attributes, the longest are left out. */
function copyOf(delivery: Delivery, ours: Attributes, to: Queue): Outgoing {
  const { text, attributes } = delivery;
  let kept = merged(attributes, ours);
  while (sizeOf(text, kept) > to.maxBytes && Object.keys(kept).length > 0) kept = withoutLongest(kept);
  return { job: jobOf(delivery), text, attributes: kept, delaySeconds: 0, group: null, dedupe: null };
}

function withoutLongest(attributes: Attributes): Attributes {
  const entries = Object.entries(attributes);
  const size = ([name, value]: (typeof entries)[number]): number => sizeOf("", { [name]: value });
  const longest = entries.reduce((one, other) => (size(other) > size(one) ? other : one));
  return Object.fromEntries(entries.filter((entry) => entry !== longest));
}
