import { copies, ranks, refused, writes } from "./changes.ts";
import { always, type Defect, type Spoil } from "./planted.ts";

const declaring: readonly Defect[] = [
  {
    defect: "a limit is computed from a setting that is not there",
    seenBy: "limits are numbers in range: no NaN, nothing negative, at least one priority and one message a batch",
    plant: always((good) => ({ capabilities: { ...good.capabilities, maxInFlight: Number.NaN } })),
  },
  {
    defect: "the address is the URL as it was given",
    seenBy: "its name is one lower-case word and its address names no secret",
    plant: always(() => ({ address: "memory://worker:secret@localhost/0" })),
  },
];

const enqueueing: readonly Defect[] = [
  {
    defect: "results are matched to messages in reverse order",
    seenBy: "every message gets a result with its own id, in the order given",
    plant: always((good) => ({
      async enqueue(messages) {
        const ids = messages.map((message) => message.id).toReversed();
        const results = await good.enqueue(messages);
        return results.map((result, index) =>
          result.ok ? { ok: true, value: { ...result.value, id: ids[index] ?? "" } } : result,
        );
      },
    })),
  },
  {
    defect: "an insert without rows is sent to the server",
    seenBy: "every verb that takes a list returns an empty list for an empty one",
    plant: always((good) => ({
      async enqueue(messages) {
        if (messages.length === 0) throw new Error('syntax error at or near ")"');
        return good.enqueue(messages);
      },
    })),
  },
  {
    defect: "a statement takes 500 rows, and the rest is dropped",
    seenBy: "a batch as large as maxBatch arrives whole",
    plant: always((good) => ({
      async enqueue(messages) {
        const results = await good.enqueue(messages.slice(0, 500));
        const rest = messages.slice(500).map(({ id }) => ({ ok: true, value: { id, stored: true } }) as const);
        return [...results, ...rest];
      },
    })),
  },
  {
    defect: "a call made while another is under way overwrites its buffer",
    seenBy: "what 20 concurrent calls enqueue arrives whole",
    plant: always((good) => {
      let busy = false;
      return {
        async enqueue(messages) {
          if (busy && messages.every(({ unique }) => unique === undefined))
            return messages.map(({ id }) => ({ ok: true, value: { id, stored: true } }) as const);
          busy = true;
          try {
            return await good.enqueue(messages);
          } finally {
            busy = false;
          }
        },
      };
    }),
  },
  {
    defect: "the limit on bodies is counted in characters, and the column cuts the rest off",
    seenBy: "a body over maxBodyBytes is refused, counted in bytes, and neither cut nor stored",
    plant: writes((message, { capabilities: { maxBodyBytes } }) => {
      const fits = message.body.length > maxBodyBytes || Buffer.byteLength(message.body) <= maxBodyBytes;
      return fits ? message : { ...message, body: message.body.slice(0, maxBodyBytes / 3) };
    }),
  },
  {
    defect: "the limit on bodies is exclusive",
    seenBy: "a body of exactly maxBodyBytes is stored",
    plant: always((good) => ({
      async enqueue(messages) {
        const over = messages.find(({ body }) => Buffer.byteLength(body) === good.capabilities.maxBodyBytes);
        return over === undefined ? good.enqueue(messages) : messages.map(({ id }) => refused(id));
      },
    })),
  },
  {
    defect: "a batch with one bad message is rolled back",
    seenBy: "a refused message does not sink its neighbours",
    plant: always((good) => ({
      async enqueue(messages) {
        const over = messages.some(({ body }) => Buffer.byteLength(body) > good.capabilities.maxBodyBytes);
        return over ? messages.map(({ id }) => refused(id)) : good.enqueue(messages);
      },
    })),
  },
];

/** The body as an object would come back from a store that keeps objects. */
function reencoded(body: string): string {
  return isJson(body) ? JSON.stringify(JSON.parse(body)) : body;
}

function isJson(body: string): boolean {
  try {
    JSON.parse(body);
    return true;
  } catch (error) {
    return !(error instanceof SyntaxError);
  }
}

const carrying: readonly Defect[] = [
  {
    defect: "the body is stored as an object",
    seenBy: "white space, key order, doubled keys, escapes and number forms come back byte for byte",
    plant: writes((message) => ({ ...message, body: reencoded(message.body) })),
  },
  {
    defect: "the column's collation normalises text",
    seenBy: "characters beyond ASCII come back as they were, in every plane and unnormalised",
    plant: writes((message) => ({ ...message, body: message.body.normalize("NFKC") })),
  },
  {
    defect: "the column's type is json",
    seenBy: "a body is not parsed: text that is not JSON travels like any other",
    plant: always((good) => ({
      enqueue: async (messages) =>
        messages.every(({ body }) => isJson(body)) ? good.enqueue(messages) : messages.map(({ id }) => refused(id)),
    })),
  },
  {
    defect: "a body is sent in frames of 128 KiB, and a last frame that is not full is forgotten",
    seenBy: "a body of 200 KB comes back whole",
    plant: writes((message) => {
      const whole = message.body.length - (message.body.length % 131_072);
      const sent = whole > 0 && Buffer.byteLength(message.body) <= 1_048_576;
      return sent ? { ...message, body: message.body.slice(0, whole) } : message;
    }),
  },
];

/** Stores a message again though it is there already, in the cases in which its id was forgotten. */
const forgetsIds = (forgotten: (wasLeased: boolean) => boolean): (() => Spoil) =>
  always((good) => {
    const copied = copies(good);
    const stored = new Set<string>();
    const leased = new Set<string>();
    return {
      async enqueue(messages) {
        const again = messages.filter(
          ({ id, body, unique }) => unique === undefined && stored.has(id + body) && forgotten(leased.has(id)),
        );
        for (const { id, body } of messages) stored.add(id + body);
        const results = await good.enqueue(messages);
        for (const message of again) await copied.store(message);
        if (again.length === 0) return results;
        return again.map(({ id }) => ({ ok: true, value: { id, stored: true } }));
      },
      async lease(request) {
        const found = await copied.lease(request);
        for (const { id } of found) leased.add(id);
        return found;
      },
    };
  });

const knowing: readonly Defect[] = [
  {
    defect: "ids are told apart within a call only",
    seenBy: "the same id with the same bytes is stored once, and the second time the result is stored: false",
    plant: forgetsIds((wasLeased) => !wasLeased),
  },
  {
    defect: "ids are compared with those of earlier calls only",
    seenBy: "the same id twice in one batch is stored once",
    plant: always((good) => {
      const copied = copies(good);
      return {
        lease: copied.lease,
        async enqueue(messages) {
          const twice = messages.filter(({ id }, index) => messages.findIndex((other) => other.id === id) < index);
          const results = await good.enqueue(messages);
          for (const message of twice) await copied.store(message);
          if (twice.length === 0) return results;
          return results.map((result) => (result.ok ? { ok: true, value: { ...result.value, stored: true } } : result));
        },
      };
    }),
  },
  {
    defect: "the unique index covers ready messages only",
    seenBy: "an id is still taken while its message is leased",
    plant: forgetsIds((wasLeased) => wasLeased),
  },
  {
    defect: "an id that is taken is not compared by its bytes",
    seenBy: "the same id with other bytes is refused with ID_CONFLICT, and the first bytes stay",
    plant: always((good) => ({
      enqueue: async (messages) =>
        (await good.enqueue(messages)).map((result, index) =>
          !result.ok && result.error.code === "ID_CONFLICT"
            ? { ok: true, value: { id: messages[index]?.id ?? "", stored: false } }
            : result,
        ),
    })),
  },
];

const ranking: readonly Defect[] = [
  {
    defect: "the highest priority is written as 101 - 100, which the store reads as none",
    seenBy: "a higher priority leaves before a normal one",
    plant: ranks((priority) => (priority === 100 ? 0 : priority)),
  },
  {
    defect: "priorities are kept in an unsigned column, and the lowest is clamped to 0",
    seenBy: "a negative priority leaves after a normal one",
    plant: ranks((priority) => (priority === -100 ? 0 : priority)),
  },
  {
    defect: "priorities are kept in ten classes a side",
    seenBy: "neighbouring priorities are told apart where all 201 are",
    plant: ranks((priority) => Math.trunc(priority / 10) * 10),
  },
  {
    defect: "a retried message is queued again behind everything",
    seenBy: "a retried message keeps its order among the priorities",
    plant: always((good) => ({
      retry: (lease, request) =>
        good.retry(lease, lease.priority === 0 ? request : { ...request, delayMs: Math.max(request.delayMs, 40) }),
    })),
  },
  {
    defect: "a priority is dropped where there are none",
    seenBy: "a priority is refused where there are none, and the message is not stored",
    profile: "limited like SQS",
    plant: writes((message) => ({ ...message, priority: 0 })),
  },
  {
    defect: "a batch is written last first",
    seenBy: "messages of one call leave in the order of the list",
    plant: always((good) => ({
      async enqueue(messages) {
        if (new Set(messages.map(({ id }) => id)).size < messages.length) return good.enqueue(messages);
        if (messages.some(({ unique }) => unique !== undefined)) return good.enqueue(messages);
        return (await good.enqueue(messages.toReversed())).toReversed();
      },
    })),
  },
  {
    defect: "the newest call leaves first",
    seenBy: "messages of several calls leave in the order of the calls",
    plant: ranks((priority, call) => (priority === 0 ? Math.min(call, 49) : priority)),
  },
];

export const storingDefects: readonly Defect[] = [...declaring, ...enqueueing, ...carrying, ...knowing, ...ranking];
