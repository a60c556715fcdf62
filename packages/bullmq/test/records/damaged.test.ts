import { expect, test } from "vitest";
import { freshPrefix, open, redisClient } from "../redis.ts";

test("a record whose times another program changed begins anew with the next change, and keeps out no other", async () => {
  const prefix = freshPrefix();
  const store = (await open({ prefix })).recordStore("");
  const redis = await redisClient();
  const change = {
    type: "t",
    queue: "q",
    tenant: null,
    enqueuedAt: 5,
    payload: "1",
    state: "completed",
    at: 7,
  } as const;
  const known = { ...change, code: null, message: null, startedAt: 6, endedAt: 7, items: {} };
  await redis.hset(`${prefix}:_records:r:a`, "v", "another", "s", "none");
  expect(await store.get("a")).toMatchObject({ state: "waiting", enqueuedAt: 0, startedAt: null });
  await store.write([
    { id: "a", ...known, rank: 3, replaces: 7 },
    { id: "b", ...known, rank: 3, replaces: 7 },
  ]);
  for (const id of ["a", "b"]) expect(await store.get(id)).toEqual({ id, ...known });
});
