import type { Answer, DeadReason } from "@waybill/core";
import { type Attributes, sizeOf } from "./attributes.ts";
import type { Batches, Outgoing } from "./batches.ts";
import { type Collect, collect } from "./collect.ts";
import { cameTooLate, type Delivery, jobOf, LONGEST_SLEEP_S, ranOut } from "./delivery.ts";
import { leaseLost } from "./errors.ts";
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
  replace(delivery: Delivery, label: Label, history: History): Promise<Answer<null>>;
  /** FIFO: the message itself stays hidden for so long. */
  sleep(delivery: Delivery, forMs: number): Promise<Answer<null>>;
  /** Into the dead-letter queue. */
  bury(delivery: Delivery, label: Label, from: string, reason: DeadReason): Promise<Answer<null>>;
  /** It is done with. */
  remove(delivery: Delivery): Promise<Answer<null>>;
}

const LONGEST_DELAY_S = 900;

export function createMoves(batches: Batches, { dead }: Queues): Moves {
  const send = collectOurs<{ copy: Outgoing }>((queue, some) =>
    batches.send(
      queue,
      some.map(({ copy }) => copy),
    ),
  );
  const remove = collectOurs((queue, some) =>
    batches.remove(
      queue,
      some.map(({ delivery }) => ({ job: jobOf(delivery), handle: delivery.handle })),
    ),
  );
  const hide = collectOurs<{ seconds: number }>((queue, some) =>
    batches.hide(
      queue,
      some.map(({ delivery, seconds }) => ({ job: jobOf(delivery), handle: delivery.handle, seconds })),
    ),
  );

  /** Whatever SQS answered: what came too late is not ours to tell of. */
  function ended(delivery: Delivery, answer: Answer<null>): Answer<null> {
    if (!answer.ok) return answer;
    delivery.settled = true;
    return cameTooLate(delivery) ? { ok: false, error: leaseLost(jobOf(delivery)) } : answer;
  }

  const removed = async (delivery: Delivery): Promise<Answer<null>> =>
    ended(delivery, await remove(delivery.queue, { delivery }));

  /** Once the copy is stored, a lease that turns out to be lost means a second copy at worst: the move is done. */
  async function moved(delivery: Delivery, to: Queue, copy: Outgoing): Promise<Answer<null>> {
    if (!delivery.replaced) {
      const answer = await send(to, { delivery, copy });
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
      const copy = copyOf(delivery, { ...labelAttributes(label), ...historyAttributes(history) }, delivery.queue);
      const delaySeconds = Math.min(LONGEST_DELAY_S, Math.ceil(waitMs / 1_000));
      const group = label.tenant === null ? delivery.group : groupOf(label);
      return moved(delivery, delivery.queue, { ...copy, delaySeconds, group });
    },
    async sleep(delivery, forMs) {
      const seconds = Math.min(LONGEST_SLEEP_S, Math.ceil(forMs / 1_000));
      return ended(delivery, await hide(delivery.queue, { delivery, seconds }));
    },
    bury(delivery, label, from, reason) {
      const said = { ...labelAttributes(label), ...deadAttributes(from, reason) };
      const copy = copyOf(delivery, { ...said, ...historyAttributes({ ...delivery.history, dueAt: null }) }, dead);
      const fifo = dead.name.endsWith(".fifo");
      // Each alone: no letter waits for another.
      const own = fifo ? delivery.messageId : null;
      return moved(delivery, dead, { ...copy, group: own, dedupe: own });
    },
  };
}

/** As `collect`, without what has run out between the call and the moment it is sent: a handler may block in between. */
function collectOurs<T = object>(
  call: (queue: Queue, items: readonly (T & { readonly delivery: Delivery })[]) => Promise<Answer<null>[]>,
): Collect<T & { readonly delivery: Delivery }> {
  return collect(async (queue, items) => {
    const lost = items.map(({ delivery }) => ranOut(delivery));
    const answers = await call(
      queue,
      items.filter((_, index) => !lost[index]),
    );
    let next = 0;
    return items.map(({ delivery }, index) =>
      lost[index] ? { ok: false, error: leaseLost(jobOf(delivery)) } : (answers[next++] as Answer<null>),
    );
  });
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
