import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Lease } from "@waybill/core/backend";
import { startRedis } from "@waybill/test-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromUrl, type BullmqBackend } from "../../src/index.ts";
import { context, lease, message } from "../redis.ts";

let server: Awaited<ReturnType<typeof startRedis>>;
let admin: Redis;
let backend: BullmqBackend;

beforeAll(async () => {
  server = await startRedis({
    args: ["--busy-reply-threshold", "1", "--repl-timeout", "3600", "--dbfilename", "taken"],
  });
  admin = new Redis(server.url);
  await admin.acl("SETUSER", "app", "on", ">secret", "~*", "&*", "+@all");
  backend = await fromUrl(server.url.replace("redis://", "redis://app:secret@"))(context);
});

afterAll(async () => {
  await backend.close();
  admin.disconnect();
  await server.stop();
});

interface State {
  readonly enter: () => Promise<unknown>;
  readonly leave: () => Promise<unknown>;
  readonly code: string;
  readonly says: RegExp;
  /** Verbs that go on all the same. */
  readonly open?: readonly string[];
}

const config = (name: string, value: string) => () => admin.config("SET", name, value);
const unavailable = (says: RegExp) => ({ code: "BACKEND_UNAVAILABLE", says });

const STATES: Readonly<Record<string, State>> = {
  READONLY: {
    enter: async () => admin.replicaof("127.0.0.1", 1),
    leave: async () => admin.replicaof("NO", "ONE"),
    ...unavailable(/replica.*READONLY.*make it lead to the primary/),
    open: ["counts"],
  },
  MASTERDOWN: {
    enter: async () => {
      await admin.config("SET", "replica-serve-stale-data", "no");
      await admin.replicaof("127.0.0.1", 1);
    },
    leave: async () => admin.replicaof("NO", "ONE"),
    // Once connected again, an enqueue writes the queue's name as well: whichever is refused first is told.
    ...unavailable(/(MASTERDOWN|READONLY).*make it lead to the primary/),
  },
  NOREPLICAS: {
    enter: config("min-replicas-to-write", "1"),
    leave: config("min-replicas-to-write", "0"),
    ...unavailable(/NOREPLICAS.*mend its replicas/),
    open: ["counts"],
  },
  OOM: {
    enter: config("maxmemory", "1"),
    leave: config("maxmemory", "0"),
    code: "BACKEND_FULL",
    says: /maxmemory.*stored nothing of this/,
    open: ["counts", "lease", "ack", "retry", "deadLetter", "extend", "workerRegistry"],
  },
  MISCONF: {
    // A folder stands where the snapshot is to go: saving fails, and writes are refused while saving is asked for.
    enter: async () => {
      mkdirSync(join(server.folder, "taken"));
      await admin.config("SET", "save", "3600 1");
      await admin.bgsave();
      await expect.poll(() => admin.info("persistence")).toContain("rdb_last_bgsave_status:err");
    },
    leave: config("save", ""),
    ...unavailable(/MISCONF.*mend the folder/),
    open: ["counts"],
  },
  BUSY: {
    enter: async () => {
      new Redis(server.url, { retryStrategy: () => null })
        .on("error", () => undefined)
        .eval("while true do end", 0)
        .catch(() => undefined);
      await expect.poll(() => admin.ping().catch((error: Error) => error.message)).toContain("BUSY");
    },
    leave: () => admin.script("KILL"),
    ...unavailable(/BUSY.*SCRIPT KILL/),
  },
  NOPERM: {
    enter: () => admin.acl("SETUSER", "app", "-@all"),
    leave: () => admin.acl("SETUSER", "app", "+@all"),
    code: "CONFIG_INVALID",
    says: /the Redis user may not/,
  },
};

const body = JSON.stringify({ id: "x" });

/** Every verb, each on a lease of its own. */
function verbs(leases: readonly Lease[]): Readonly<Record<string, () => Promise<unknown>>> {
  const [one, two, three, four] = leases as [Lease, Lease, Lease, Lease];
  return {
    enqueue: () => backend.enqueue([message({ id: "refused", body })]),
    "enqueue delayed": () => backend.enqueue([message({ id: "refused", body, delayMs: 60_000 })]),
    lease: () => lease(backend, { queue: "empty" }),
    extend: () => backend.extend([four], 60_000),
    ack: () => backend.ack([one]),
    retry: () => backend.retry(two, { delayMs: 60_000, countsAttempt: true }),
    deadLetter: () => backend.deadLetter(three, { code: "TEST", message: "test" }),
    workerRegistry: () => backend.workerRegistry.announce("worker", "facts", 60_000),
    counts: () => backend.inspector.counts(),
  };
}

/** The error of a verb; of the first item, for one that takes a list. Null when it succeeded. */
async function errorOf(verb: () => Promise<unknown>): Promise<{ code: string; message: string } | null> {
  try {
    const result = await verb();
    const [first] = Array.isArray(result)
      ? (result as { ok?: boolean; error?: { code: string; message: string } }[])
      : [];
    return first?.error ?? null;
  } catch (thrown) {
    return thrown as { code: string; message: string };
  }
}

test.for(Object.entries(STATES))(
  "%s: every verb says it, nothing is said to be stored, and it ends by itself",
  async ([name, { enter, leave, code, says, open = [] }]) => {
    await admin.flushall();
    await backend.enqueue(Array.from({ length: 4 }, () => message()));
    const leases = await lease(backend, { limit: 4 });
    expect(leases).toHaveLength(4);
    await enter();
    try {
      for (const [verb, call] of Object.entries(verbs(leases))) {
        if (open.includes(verb)) continue;
        let said = await errorOf(call);
        // In between the connection is made anew, which is said as well.
        while (said?.message.includes("cannot be reached")) {
          await new Promise((resolve) => setTimeout(resolve, 10));
          said = await errorOf(call);
        }
        expect(said, `${name} ${verb}`).toMatchObject({ code, message: expect.stringMatching(says) });
      }
    } finally {
      await leave();
    }
    await expect.poll(() => errorOf(() => backend.enqueue([message({ id: "after" })])), { timeout: 10_000 }).toBeNull();
    expect(await admin.exists("waybill:default:refused")).toBe(0);
  },
);
