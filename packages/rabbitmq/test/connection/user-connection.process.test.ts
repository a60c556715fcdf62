import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ChannelModel } from "amqplib";
import { afterEach, expect, test, vi } from "vitest";
import { rabbitmqBackend } from "../../src/index.ts";
import { context, freshStore } from "../fixture.ts";

const MOMENTS = [
  "throws at once",
  "rejects with nothing",
  "returns no connection",
  "settles after our close",
  "emits an error",
  "loses its sockets",
  "is closed by its owner",
  "is closed by its owner twice",
];

afterEach(() => void vi.useRealTimers());

test("the user's connections fail in every way, and the process continues and ends with code 0", async () => {
  const store = await freshStore({}, { queues: MOMENTS.map((_, at) => `q${at}`) });
  const program = fileURLToPath(new URL("../children/user-connection.ts", import.meta.url));
  const args = ["--conditions=waybill-source", program, store.url.replace(/\?.*$/, ""), store.prefix];
  // Rejects with the process's output unless it ends with code 0.
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  await store.remove();
  expect(JSON.parse(stdout)).toEqual(MOMENTS.map((moment) => ({ moment, strange: [] })));
});

const never = (): Promise<never> => new Promise(() => undefined);
const mistake = (): never => {
  throw new Error("the owner's mistake");
};

test.for<[string, () => unknown, string, RegExp]>([
  ["never settles", never, "BACKEND_UNAVAILABLE", /`connect` did not settle within 4000 ms/],
  ["throws at once", mistake, "BACKEND_UNAVAILABLE", /`connect` opened no connection.*mistake/],
  ["rejects with nothing", () => Promise.reject(undefined as never), "BACKEND_UNAVAILABLE", /`connect` opened no/],
  ["returns nothing", () => undefined, "CONFIG_INVALID", /`connect` returned no connection/],
  ["returns an object", async () => ({}), "CONFIG_INVALID", /`connect` returned no connection/],
  ["refuses the user", () => Promise.reject(new Error("ACCESS-REFUSED")), "CONFIG_INVALID", /`connect` opened no/],
])("a `connect` that %s is refused by name", async ([, theirs, code, message]) => {
  vi.useFakeTimers();
  const opening = rabbitmqBackend({ connect: theirs as () => Promise<ChannelModel> })(context);
  const refused = expect(opening).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  });
  await vi.advanceTimersByTimeAsync(4_000);
  await refused;
});

test("a connection that opens too late is closed", async () => {
  vi.useFakeTimers();
  let closed = false;
  const model = {
    connection: { serverProperties: {} },
    on: () => model,
    createChannel: never,
    createConfirmChannel: never,
    close: async () => void (closed = true),
  };
  const theirs = (): Promise<ChannelModel> =>
    new Promise((resolve) => setTimeout(resolve, 5_000, model as unknown as ChannelModel));
  const refused = expect(rabbitmqBackend({ connect: theirs })(context)).rejects.toThrow("did not settle");
  await vi.advanceTimersByTimeAsync(5_000);
  await refused;
  expect(closed).toBe(true);
});

test("a `connect` that is not a function is refused", () => {
  const connect = {} as () => Promise<ChannelModel>;
  expect(() => rabbitmqBackend({ connect })).toThrow(/connect is an object: pass a function/);
});
