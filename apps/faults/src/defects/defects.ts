import type { DatabaseSync } from "node:sqlite";
import type { Backend, BackendFactory } from "@waybill/core/backend";

/** Takes a working backend and breaks one promise of it. */
type Plant = (raw: Backend, url: string) => Promise<Partial<Backend>> | Partial<Backend>;

const done = { ok: true, value: null } as const;

/** Mistakes that a backend or a worker could have. Each must be noticed by a scenario of the catalogue. */
const plants = {
  /** A job leaves the store when it is leased. */
  "ack-before-run": (raw) => ({
    async lease(request) {
      const leases = await raw.lease(request);
      if (leases.length > 0) await raw.ack(leases);
      return leases;
    },
    ack: async (leases) => leases.map(() => done),
    extend: async (leases, ms) => leases.map(() => ({ ok: true, value: Date.now() + ms })),
  }),

  /** The end of a lease that has ended removes the job, whoever has leased it by now. SQLite. */
  "settle-by-id": async (raw, url) => {
    const { DatabaseSync: Database } = await import("node:sqlite");
    const file: DatabaseSync = new Database(url.slice("sqlite:".length));
    file.exec("PRAGMA busy_timeout = 5000");
    const remove = file.prepare("delete from waybill_jobs where id = ?");
    return {
      async ack(leases) {
        const results = await raw.ack(leases);
        for (const [at, { id }] of leases.entries()) if (results[at]?.ok === false) remove.run(id);
        return leases.map(() => done);
      },
    };
  },

  /** A worker that stops keeps the leases of its jobs. */
  "no-release-at-shutdown": (raw) => ({
    retry: async (lease, request) => (request.countsAttempt ? raw.retry(lease, request) : undefined),
  }),

  /** After the first outage no call reaches the server again. */
  "lost-reconnect": (raw) => {
    let outage: unknown = null;
    const once = async <T>(call: () => Promise<T>): Promise<T> => {
      if (outage !== null) throw outage;
      return call().catch((error: unknown) => {
        outage = error;
        throw error;
      });
    };
    return { lease: (request) => once(() => raw.lease(request)), ack: (leases) => once(() => raw.ack(leases)) };
  },

  /** No lease is renewed. */
  "heartbeat-off": () => ({
    extend: async (leases, ms) => leases.map(() => ({ ok: true, value: Date.now() + ms })),
  }),

  /** A job whose attempt has failed is removed. */
  "dropped-retry": (raw) => ({
    async retry(lease, request) {
      if (request.countsAttempt) await raw.ack([lease]);
      else await raw.retry(lease, request);
    },
  }),
} satisfies Record<string, Plant>;

export type DefectName = keyof typeof plants;

export const defectNames = Object.keys(plants) as DefectName[];

export const isDefect = (name: string): name is DefectName => Object.hasOwn(plants, name);

/** Returns the backend of the URL with the defect in it. */
export function planted(factory: BackendFactory, url: string, defect: DefectName): BackendFactory {
  return async (context) => {
    const raw = await factory(context);
    const plant: Plant = plants[defect];
    return { ...raw, ...(await plant(raw, url)) };
  };
}
