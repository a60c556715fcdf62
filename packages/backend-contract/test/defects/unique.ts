import { DuplicateJobError, isWaybillError, type Receipt, type Result } from "@waybill/core";
import type { Message } from "@waybill/core/backend";
import { writes } from "./changes.ts";
import { changesReceipt, ignoresKey, keyless, takesKey } from "./following.ts";
import { always, type Defect, type Spoil } from "./planted.ts";

/** Changes the key of every message that has one. */
const keys = (change: (key: string, message: Message) => string): (() => Spoil) =>
  writes((message) => {
    const { unique } = message;
    return unique === undefined ? message : { ...message, unique: { ...unique, key: change(unique.key, message) } };
  });

const rejects = ({ unique }: Message): boolean => unique?.onConflict === "reject";
const replaces = ({ unique }: Message): boolean => unique?.onConflict === "replace";
const lasts = ({ unique }: Message, until: "end" | "start" | "time"): boolean =>
  typeof unique?.until === "number" ? until === "time" : unique?.until === until;

const equal: readonly Defect[] = [
  {
    defect: "each queue has keys of its own",
    seenBy: "a key is taken in every queue: the second job is refused with DUPLICATE_JOB, and never delivered",
    plant: keys((key, { queue }) => `${queue} ${key}`.slice(-255)),
  },
  {
    defect: "the index of keys forgets the type",
    seenBy: "the same key of another type is another key",
    plant: always((good) => {
      const types = new Map<string, string>();
      return {
        enqueue(messages) {
          for (const { id, type } of messages) types.set(id, type);
          return good.enqueue(messages.map((one) => (one.unique === undefined ? one : { ...one, type: "any" })));
        },
        lease: async (request) =>
          (await good.lease(request)).map((lease) => ({ ...lease, type: types.get(lease.id) ?? lease.type })),
      };
    }),
  },
  {
    defect: "the column's collation folds case",
    seenBy: "keys differ by case, by spaces at their end and by composition, up to 255 characters",
    plant: keys((key) => key.toLowerCase()),
  },
  {
    defect: "the key is judged before the id",
    seenBy: "the same id with the same bytes is no conflict with itself",
    plant: takesKey((job, { id }) => job.message.id === id && job.state === "waiting"),
  },
  {
    defect: "a job that ended conflicts with itself while its key is taken",
    seenBy: "a job whose key outlives it is not stored again under its id",
    plant: takesKey((job, { id }) => job.message.id === id && job.state === "acked"),
  },
  {
    defect: "the jobs of a call are judged by what was stored before it, and an index refuses what then conflicts",
    seenBy: "equal jobs of one call are judged in their order, each by its own onConflict",
    plant: inCall((message, before) => before.some(hasKeyOf(message)) && message.unique?.onConflict === "ignore"),
  },
  {
    defect: "the receipt of a job that is itself replaced in its call does not name the job whose place it took",
    seenBy: 'onConflict "replace" takes the place of an earlier job of the same call',
    plant: always((good) => ({
      async enqueue(messages) {
        const results = await good.enqueue(messages);
        const replaced = new Set(results.map((result) => result.ok && result.value.replaced));
        return results.map((result) => {
          if (!result.ok || !replaced.has(result.value.id)) return result;
          const { replaced: _, ...value } = result.value;
          return { ok: true, value };
        });
      },
    })),
  },
  {
    defect: "the id is taken before the key is judged, and stays taken",
    seenBy: "a job that is refused or ignored does not take its id",
    plant: always((good) => {
      const taken = new Set<string>();
      return {
        async enqueue(messages) {
          const results = await good.enqueue(messages);
          return results.map((result, index) => {
            const { id, unique } = messages[index] as Message;
            if (unique === undefined && taken.has(id)) return { ok: true, value: { id, stored: false } };
            if (unique !== undefined && !result.ok) taken.add(id);
            return result;
          });
        },
      };
    }),
  },
  {
    defect: "keys are looked up before the write, without a lock",
    seenBy: "of equal jobs that two connections enqueue at the same time, one is stored",
    plant: () => {
      const calls: Message[][] = [];
      return (good) => ({
        async enqueue(messages) {
          const isRaced = messages.length === 1 && calls.flat().some(hasKeyOf(messages[0] as Message));
          const own = [...messages];
          calls.push(own);
          const results = await good.enqueue(isRaced ? messages.map(keyless) : messages);
          calls.splice(calls.indexOf(own), 1);
          return results;
        },
      });
    },
  },
];

function hasKeyOf({ unique }: Message): (other: Message) => boolean {
  return (other) => unique !== undefined && other.unique?.key === unique.key;
}

/** Refuses some messages because of those before them in the same call. */
function inCall(isRefused: (message: Message, before: readonly Message[]) => boolean): Defect["plant"] {
  return always((good) => ({
    async enqueue(messages) {
      if (!messages.some(({ unique }) => unique !== undefined)) return good.enqueue(messages);
      const results: Result<Receipt>[] = [];
      for (const [index, message] of messages.entries()) {
        const error = new DuplicateJobError(message.id, messages[0]?.id ?? "");
        if (isRefused(message, messages.slice(0, index))) results.push({ ok: false, error });
        else results.push(...(await good.enqueue([message])));
      }
      return results;
    },
  }));
}

const conflicts: readonly Defect[] = [
  {
    defect: "an ignored job looks like one that was stored before",
    seenBy: 'onConflict "ignore" stores nothing, and the receipt names the other job',
    plant: changesReceipt(({ id, stored, replaced }) => ({ id, stored, ...(replaced && { replaced }) })),
  },
  {
    defect: "the receipt does not name the job that was replaced",
    seenBy: 'onConflict "replace" removes the job that waits, and the receipt names it',
    plant: always((good) => ({
      async enqueue(messages) {
        const results = await good.enqueue(messages);
        if (messages.length > 1) return results;
        return results.map((result) =>
          result.ok && result.value.replaced !== undefined
            ? { ok: true, value: { ...result.value, replaced: "" } }
            : result,
        );
      },
    })),
  },
  {
    defect: "only ready jobs are looked through for the one to replace",
    seenBy: 'onConflict "replace" removes a job that is delayed',
    plant: ignoresKey(({ message, state }, other) => replaces(other) && state === "waiting" && message.delayMs > 0),
  },
  {
    defect: "the id of a replaced job stays taken",
    seenBy: 'onConflict "replace" frees the id of the job that it removes',
    plant: always((good) => {
      const replaced = new Set<string>();
      return {
        async enqueue(messages) {
          const results = await good.enqueue(messages);
          return results.map((result, index) => {
            const { id } = messages[index] as Message;
            if (result.ok && result.value.replaced !== undefined) replaced.add(result.value.replaced);
            return replaced.has(id) ? { ok: true, value: { id, stored: false } } : result;
          });
        },
      };
    }),
  },
  {
    defect: "a job that runs is replaced as well",
    seenBy: 'onConflict "replace" leaves a job that runs, and is refused',
    plant: ignoresKey(({ state }, other) => replaces(other) && state === "leased"),
  },
  {
    defect: "a job that failed is replaced as well",
    seenBy: 'onConflict "replace" leaves a job that waits for its next attempt, and is refused',
    plant: ignoresKey(({ state }, other) => replaces(other) && state === "failed"),
  },
  {
    defect: "a job that was released is replaced as well",
    seenBy: 'onConflict "replace" leaves a job that was released, and is refused',
    plant: ignoresKey(({ state }, other) => replaces(other) && state === "released"),
  },
];

const ending: readonly Defect[] = [
  {
    defect: "an ack leaves the key",
    seenBy: "an ack frees the key",
    plant: takesKey(({ message, state }, other) => rejects(other) && state === "acked" && lasts(message, "end")),
  },
  {
    defect: "dead letters are among the jobs that a refusal looks at",
    seenBy: "a dead letter frees the key",
    plant: takesKey(({ message, state }, other) => rejects(other) && state === "dead" && lasts(message, "end")),
  },
  {
    defect: "a cancelled job keeps its key",
    seenBy: "a cancelled job frees its key, unless that is taken for a time",
    plant: takesKey(({ message, state }) => state === "cancelled" && lasts(message, "end")),
  },
  {
    defect: "a retry frees the key",
    seenBy: "a retry does not free a key that is taken until the end",
    plant: ignoresKey(({ message, state }, other) => rejects(other) && state === "failed" && lasts(message, "end")),
  },
  {
    defect: "a release frees the key",
    seenBy: "a release does not free a key that is taken until the end",
    plant: ignoresKey(({ message, state }, other) => rejects(other) && state === "released" && lasts(message, "end")),
  },
  {
    defect: "the key is a lock that ends with the lease",
    seenBy: "a lease that runs out does not free a key that is taken until the end",
    plant: ignoresKey(
      ({ leaseEndsAt, state, lateSettle }) => state === "leased" && leaseEndsAt < performance.now() && !lateSettle,
    ),
  },
  {
    defect: "the key is freed by id, whoever settles",
    seenBy: "a late settle does not free the key",
    plant: ignoresKey(({ lateSettle }) => lateSettle),
  },
  {
    defect: "a key that is taken until the start is freed when the first run ends",
    seenBy: "a key that is taken until the start is free from the first lease on: one waits while one runs",
    plant: takesKey(({ message, state }, other) => rejects(other) && state === "leased" && lasts(message, "start")),
  },
  {
    defect: "what waits has its key, whatever happened before",
    seenBy: "a job that started does not have its key again when it waits for its next attempt",
    plant: takesKey(({ message, state }, other) => rejects(other) && state === "failed" && lasts(message, "start")),
  },
  {
    defect: "an ack frees the key of its job, whichever job has it now",
    seenBy: "the end of a job that had its key until the start leaves the key to the job that has it now",
    plant: ignoresKey(({ message, state }) => state === "acked" && lasts(message, "start")),
  },
  {
    defect: "an ack deletes the key together with the job",
    seenBy: "a key that is taken for a time stays taken when its job has ended",
    plant: ignoresKey(({ message, state }) => state === "acked" && lasts(message, "time")),
  },
  {
    defect: "a dead letter loses its key, though time has not passed",
    seenBy: "a key that is taken for a time stays taken when its job is a dead letter",
    plant: ignoresKey(({ message, state }) => state === "dead" && lasts(message, "time")),
  },
  {
    defect: "a key that is taken for a time is freed by the end of its job alone",
    seenBy: "a key that is taken for a time is free once that has passed, though its job is unfinished",
    plant: takesKey(({ message: { unique }, enqueuedAt, state }) => {
      const until = typeof unique.until === "number" ? unique.until : Infinity;
      return state === "waiting" && performance.now() > enqueuedAt + until;
    }),
  },
];

/** Replaces `replay` of the inspector. */
const replays = (
  spoil: (good: Parameters<Spoil>[0]["inspector"]) => Parameters<Spoil>[0]["inspector"]["replay"],
): (() => Spoil) => always(({ inspector }) => ({ inspector: { ...inspector, replay: spoil(inspector) } }));

const replaying: readonly Defect[] = [
  {
    defect: "a dead letter that cannot have its key is left where it is, and nothing says so",
    seenBy: "a dead letter whose key another job has stays one, and its replay rejects DUPLICATE_JOB",
    plant: replays((good) => async (query) => {
      try {
        return await good.replay(query);
      } catch (error) {
        if (isWaybillError(error, "DUPLICATE_JOB")) return 0;
        throw error;
      }
    }),
  },
  {
    defect: "a replayed job comes without its key",
    seenBy: "a replayed dead letter has its key again",
    plant: ignoresKey(({ state }) => state === "replayed"),
  },
  {
    defect: "a replay asks for every key again",
    seenBy:
      "a replay asks for no key that was taken for a time: the dead letter is replayed though another job has it now",
    plant: always((good) => {
      const timed = new Set<string>();
      return {
        enqueue(messages) {
          for (const { id, unique } of messages) if (typeof unique?.until === "number") timed.add(id);
          return good.enqueue(messages);
        },
        inspector: {
          ...good.inspector,
          async replay(query) {
            const id = query?.ids?.find((one) => timed.has(one));
            if (id !== undefined) throw new DuplicateJobError(id, "the job that has its key");
            return good.inspector.replay(query);
          },
        },
      };
    }),
  },
  {
    defect: "a replay ends at the first conflict",
    seenBy: "the other dead letters are replayed before a replay rejects DUPLICATE_JOB",
    plant: replays((good) => async (query) => {
      const ids = (await good.deadLetters(query)).map(({ id }) => id).toReversed();
      if (ids.length < 2 || query !== undefined) return good.replay(query);
      let count = 0;
      for (const id of ids) count += await good.replay({ ids: [id] });
      return count;
    }),
  },
];

const arriving: readonly Defect[] = [
  {
    defect: "an arrival is stored with its key only where that is taken until the end",
    seenBy: "an arrival takes its key",
    arrivals: true,
    plant: always(() => ({
      inbox: (plain) => ({
        store(message) {
          return plain.store(message.unique?.until === "end" ? message : keyless(message));
        },
      }),
    })),
  },
  {
    defect: "an arrival whose key is taken is dropped",
    seenBy: "an arrival whose key is taken is kept as DUPLICATE_JOB",
    arrivals: true,
    plant: always(() => ({
      inbox: (plain) => ({
        async store(message) {
          const reason = await plain.store(message);
          return reason?.code === "DUPLICATE_JOB" ? null : reason;
        },
      }),
    })),
  },
  {
    defect: "an arrival that was not stored is kept, for whatever reason",
    seenBy: "an arrival that is to be ignored when its key is taken is not kept, and not delivered",
    arrivals: true,
    plant: always(() => ({
      inbox: (plain) => ({
        async store(message) {
          if (message.unique?.onConflict !== "ignore") return plain.store(message);
          return { code: "DUPLICATE_JOB", message: "it was not stored" };
        },
      }),
    })),
  },
];

export const uniqueDefects: readonly Defect[] = [...equal, ...conflicts, ...ending, ...replaying, ...arriving];
