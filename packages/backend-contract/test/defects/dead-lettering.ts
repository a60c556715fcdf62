import type { DeadLetterRecord, DeadLetterQuery, Inspector } from "@waybill/core";
import type { InspectableBackend, Lease } from "@waybill/core/backend";
import { always, type Defect, type Spoil } from "./planted.ts";

/** Replaces part of the inspector. */
const inspects = (spoil: (good: Inspector) => Partial<Inspector>): (() => Spoil) =>
  always(({ inspector }) => ({ inspector: { ...inspector, ...spoil(inspector) } }));

/** Every dead letter is changed as it is listed. */
const lists = (change: (letter: DeadLetterRecord) => Partial<DeadLetterRecord>): (() => Spoil) =>
  inspects((good) => ({
    deadLetters: async (query) => (await good.deadLetters(query)).map((letter) => ({ ...letter, ...change(letter) })),
  }));

/** Changes the dead letters that are listed. */
const replays = (change: Partial<Lease>): (() => Spoil) =>
  always((good: InspectableBackend) => {
    const dead = new Set<string>();
    return {
      deadLetter(lease, reason) {
        dead.add(lease.id);
        return good.deadLetter(lease, reason);
      },
      lease: async (request) =>
        (await good.lease(request)).map((lease) => (dead.has(lease.id) ? { ...lease, ...change } : lease)),
    };
  });

const without = (key: keyof DeadLetterQuery, query: DeadLetterQuery): DeadLetterQuery =>
  Object.fromEntries(Object.entries(query).filter(([name]) => name !== key));

const deadLettering: readonly Defect[] = [
  {
    defect: "the bytes of a dead letter are trimmed",
    seenBy: "a dead letter keeps the bytes that were delivered",
    plant: lists(({ body }) => ({ body: body.trim() })),
  },
  {
    defect: "the code is written in lower case",
    seenBy: "a dead letter keeps the code and the sentence it died by",
    plant: lists(({ reason }) => ({ reason: { ...reason, code: reason.code.toLowerCase() } })),
  },
  {
    defect: "there is no column for what was thrown",
    seenBy: "a dead letter keeps what was thrown, causes and stack included, beside a long body",
    plant: lists(({ reason: { code, message } }) => ({ reason: { code, message } })),
  },
  {
    defect: "a long sentence is refused by the column",
    seenBy: "a sentence of 10,000 characters is taken, and its first 2,000 are kept",
    plant: always((good) => ({
      async deadLetter(lease, reason) {
        if (reason.message.length > 2_000) throw new Error("value too long for type character varying(2000)");
        return good.deadLetter(lease, reason);
      },
    })),
  },
  {
    defect: "diedAt is in seconds",
    seenBy: "a dead letter says which job it was, and when it died",
    plant: lists(({ diedAt }) => ({ diedAt: Math.floor((diedAt ?? 0) / 1_000) })),
  },
  {
    defect: "a dead letter is a new message, on its first attempt",
    seenBy: "a dead letter says which attempt was the last",
    plant: lists(() => ({ attempt: 1 })),
  },
];

const replaying: readonly Defect[] = [
  {
    defect: "a replay counts as a release",
    seenBy: "a replayed message comes as a first attempt, with nothing lost and nothing released",
    plant: replays({ releases: 1 }),
  },
  {
    defect: "a replay does not say when it was",
    seenBy: "a replayed message says when it was replayed",
    plant: replays({ dueAt: null }),
  },
  {
    defect: "a dead letter has no column for the signature",
    seenBy: "label and body survive a dead letter and its replay",
    plant: replays({ signature: null }),
  },
  {
    defect: "a replayed message stays in the list",
    seenBy: "a replayed message is no dead letter any more",
    plant: inspects((good) => {
      let replayed: DeadLetterRecord[] = [];
      return {
        async replay(query) {
          replayed = await good.deadLetters(query);
          return good.replay(query);
        },
        deadLetters: async (query) => [
          ...replayed.filter((one) => query?.queue === undefined || one.queue === query.queue),
          ...(await good.deadLetters(query)),
        ],
      };
    }),
  },
  {
    defect: "a replay does not look at ids",
    seenBy: "a replay by id replays those ids and returns how many",
    plant: inspects((good) => ({ replay: (query = {}) => good.replay(without("ids", query)) })),
  },
  {
    defect: "a replay does not look at the queue",
    seenBy: "a replay by queue leaves the dead letters of other queues",
    plant: inspects((good) => ({ replay: (query = {}) => good.replay(without("queue", query)) })),
  },
  {
    defect: "a dropped dead letter is released from the list into its queue",
    seenBy: "a dropped dead letter is gone for good",
    plant: inspects((good) => ({ drop: (query) => good.replay(query) })),
  },
  {
    defect: "a list takes every type that begins as the one asked for",
    seenBy: "dead letters are listed by exactly their type",
    plant: inspects((good) => ({
      async deadLetters({ type, ...query } = {}) {
        if (type === undefined || query.limit !== undefined || query.code !== undefined) {
          return good.deadLetters({ ...query, ...(type !== undefined && { type }) });
        }
        return (await good.deadLetters(query)).filter((letter) => letter.type.startsWith(type));
      },
    })),
  },
  {
    defect: "a list looks for the code in the sentence as well",
    seenBy: "dead letters are listed by exactly their code",
    plant: inspects((good) => ({
      async deadLetters({ code, ...query } = {}) {
        const letters = await good.deadLetters(query);
        return letters.filter(({ reason }) => code === undefined || `${reason.code} ${reason.message}`.includes(code));
      },
    })),
  },
  {
    defect: "a list leaves out what died at the very moment asked for",
    seenBy: "dead letters are listed since the diedAt of the first of them",
    plant: inspects((good) => ({
      deadLetters: async (query = {}) =>
        (await good.deadLetters(query)).filter(({ diedAt }) => query.since === undefined || diedAt !== query.since),
    })),
  },
  {
    defect: "a list is cut before it is filtered by type",
    seenBy: "the limit of a list counts what passes its filters",
    plant: inspects((good) => ({
      deadLetters: async (query = {}) =>
        (await good.deadLetters(without("type", query))).filter(({ type }) => type === (query.type ?? type)),
    })),
  },
  {
    defect: "a drop does not look at the type",
    seenBy: "a drop takes what passes every filter, returns how many, and leaves the others",
    plant: inspects((good) => ({ drop: (query = {}) => good.drop(without("type", query)) })),
  },
  {
    defect: "the oldest dead letters are listed first",
    seenBy: "dead letters are listed newest first, as many as asked for",
    plant: inspects((good) => ({
      deadLetters: async (query) =>
        (await good.deadLetters({ ...query, limit: 10_000 })).toReversed().slice(0, query?.limit ?? 100),
    })),
  },
];

const inspecting: readonly Defect[] = [
  {
    defect: "delayed messages are counted as ready",
    seenBy: "counts distinguish ready, delayed, leased and dead",
    plant: inspects((good) => ({
      counts: async () => (await good.counts()).map((one) => ({ ...one, ready: one.ready + one.delayed })),
    })),
  },
  {
    defect: "nothing waiting is reported as no wait",
    seenBy: "oldestWaitMs is how long the oldest ready message has been ready, and null when none is",
    plant: inspects((good) => ({
      counts: async () => (await good.counts()).map((one) => ({ ...one, oldestWaitMs: one.oldestWaitMs ?? 0 })),
    })),
  },
  {
    defect: "queues are counted in no particular order",
    seenBy: "counts list every queue that holds anything, by name",
    plant: inspects((good) => ({ counts: async () => (await good.counts()).toReversed() })),
  },
];

export const deadLetteringDefects: readonly Defect[] = [...deadLettering, ...replaying, ...inspecting];
