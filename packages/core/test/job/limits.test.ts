import { expect, expectTypeOf, test } from "vitest";
import { connect, defineJob, type JobLimit } from "../../src/index.ts";
import { memoryBackend } from "../../src/memory/index.ts";
import type { Message } from "../../src/backend/contract.ts";

const refused = async (limits: unknown): Promise<unknown> => {
  const job = defineJob<{ account: string }>({ type: "crm.sync", limits: limits as readonly JobLimit[] });
  return connect(memoryBackend(), { jobs: [job], log: "off" }).catch(({ message }: Error) => message);
};

test.each([
  [{ concurrency: 1 }, "pass a list"],
  [[{}], "neither concurrency nor rate"],
  [[{ concurrency: 1, rate: "1/1s" }], "both concurrency and rate"],
  [[{ concurrency: 0 }], 'concurrency of limits[0] of "crm.sync" is 0: a whole number from 1 to 10000'],
  [[{ concurrency: 1.5 }], "is 1.5"],
  [[{ concurrency: 1, burst: 2 }], "burst without a rate"],
  [[{ burst: 2 }], "burst without a rate"],
  [[{ rate: "fast" }], 'the rate of limits[0] of "crm.sync" is "fast": write starts and a period, such as "100/1s"'],
  [[{ rate: "100/0s" }], "is 0 ms"],
  [[{ rate: "0/1s" }], "is 0"],
  [[{ rate: "1/40d" }], "31d"],
  [[{ rate: "1/1s", burst: 0 }], "burst of limits[0]"],
  [[{ concurrency: 1, name: "A b" }], "the name of limits[0]"],
  [[{ concurrency: 1, key: "" }], "0 characters long"],
  [[{ concurrency: 1, key: 7 }], "is 7"],
  [[{ concurrency: 1, max: 7 }], '"max"'],
  [Array.from({ length: 5 }, () => ({ concurrency: 1 })), "5 limits: 4 at most"],
  [
    [
      { concurrency: 1, name: "a" },
      { rate: "1/1s", name: "a" },
    ],
    'two limits of "crm.sync" are named "a"',
  ],
])("limits that cannot work are refused at start: %o", async (limits, said) => {
  expect(await refused(limits)).toContain(said);
});

/** Enqueues one job, and returns the message that its backend was given. */
async function sent(definition: ReturnType<typeof defineJob<{ account: string }>>, account: string): Promise<Message> {
  const messages: Message[] = [];
  const open = memoryBackend();
  const jobs = await connect(
    async () => {
      const good = await open();
      return { ...good, enqueue: (some) => (messages.push(...some), good.enqueue(some)) };
    },
    { log: "off" },
  );
  await jobs.enqueue(definition, { account }).finally(() => jobs.close());
  return messages[0] as Message;
}

const sync = defineJob<{ account: string }>({
  type: "crm.sync",
  limits: [
    { key: ({ account }) => account, concurrency: 1 },
    { key: "live", rate: "100/1s", burst: 20 },
    { name: "all.syncs", concurrency: 50 },
  ],
});

test("the keys of a job are computed at enqueue and stored as meta.limits, and its label has them", async () => {
  const { body, limitKeys } = await sent(sync, "acme");
  const keys = { "crm.sync": "acme", "crm.sync#2": "live", "all.syncs": "all" };
  expect((JSON.parse(body) as { meta: unknown }).meta).toEqual({ limits: keys });
  expect(limitKeys).toEqual(keys);
});

test("a key of 256 characters is refused at the call, and the job is not stored", async () => {
  await expect(sent(sync, "k".repeat(256))).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: 'the key of limit "crm.sync" is 256 characters long: a text of 1 to 255 characters',
  });
});

test("a job without limits has no meta, and its label no keys", async () => {
  const message = await sent(defineJob<{ account: string }>({ type: "crm.plain" }), "acme");
  expect(message.body).not.toContain("meta");
  expect(message).not.toHaveProperty("limitKeys");
});

test("a key function gets the input of the schema", () => {
  defineJob<{ account: string }>({
    type: "crm.sync",
    limits: [
      {
        key: (payload) => (expectTypeOf(payload).toEqualTypeOf<{ account: string }>(), payload.account),
        concurrency: 1,
      },
    ],
  });
});
