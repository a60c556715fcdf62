import { copies } from "./changes.ts";
import type { Inbox } from "./inbox.ts";
import { always, type Defect, type Spoil } from "./planted.ts";

/** Replaces steps of what happens to an arrival. */
const inboxes = (spoil: (good: Inbox) => Partial<Inbox>): (() => Spoil) => always(() => ({ inbox: spoil }));

const arriving: readonly Defect[] = [
  {
    defect: "an arrival is written anew from what was parsed",
    seenBy: "an arrival that is admitted is delivered with the bytes that arrived",
    plant: inboxes((good) => ({
      judge(arrival) {
        const verdict = good.judge(arrival);
        if (!verdict.ok) return verdict;
        return { ok: true, message: { ...verdict.message, body: JSON.stringify(JSON.parse(arrival.body)) } };
      },
    })),
  },
  {
    defect: "the inbox is looked into by new calls only",
    seenBy: "an arrival wakes a waiting call",
    plant: inboxes(() => ({ hear: async () => {} })),
  },
  {
    defect: "two connections read an arrival before either has removed it",
    seenBy: "an arrival is one job, however many connections drain",
    plant: () => {
      let connections = 0;
      return (good) => {
        connections += 1;
        const copied = copies(good);
        return {
          lease: copied.lease,
          inbox: (plain) => ({
            async store(message) {
              if (connections > 1) await copied.store(message);
              return plain.store(message);
            },
          }),
        };
      };
    },
  },
  {
    defect: "an id that is taken is a conflict, whatever the bytes",
    seenBy: "an arrival that comes again while its job is leased adds nothing",
    plant: inboxes((good) => {
      const taken = new Set<string>();
      return {
        async store(message) {
          if (taken.has(message.id)) return { code: "ID_CONFLICT", message: "the id is taken" };
          taken.add(message.id);
          return good.store(message);
        },
      };
    }),
  },
  {
    defect: "all refusals are kept under one code",
    seenBy: "what is refused is never delivered, and is kept with its code, its sentence and its bytes",
    plant: inboxes((good) => ({
      keep: (arrival, { code, message }) =>
        good.keep(arrival, { code: code === "TOO_OLD" ? "REJECTED" : code, message }),
    })),
  },
  {
    defect: "refusals are kept and not reported",
    seenBy: "what is refused is reported once, as it is listed",
    plant: inboxes(() => ({ report: () => {} })),
  },
  {
    defect: "a refusal rolls back what came behind it",
    seenBy: "what is refused does not hold up what came behind it",
    plant: inboxes((good) => {
      let refused: string | null = null;
      return {
        judge(arrival) {
          const verdict = good.judge(arrival);
          if (!verdict.ok) refused = arrival.id;
          if (refused === null || refused === arrival.id) return verdict;
          return { ok: false, reason: { code: "ABORTED", message: "the transaction was rolled back" } };
        },
      };
    }),
  },
  {
    defect: "a conflict is taken for a job that is there already",
    seenBy: "an arrival with other bytes under an id that is taken is kept as ID_CONFLICT",
    plant: inboxes((good) => ({
      async store(message) {
        const reason = await good.store(message);
        return reason?.code === "ID_CONFLICT" ? null : reason;
      },
    })),
  },
  {
    defect: "a replay of a refusal keeps it as it was judged",
    seenBy: "what was refused is judged again when it is replayed",
    plant: inboxes((good) => ({ replay: (letter) => good.keep(letter, letter.reason) })),
  },
];

export const arrivingDefects: readonly Defect[] = arriving.map((defect) => ({ ...defect, arrivals: true }));
