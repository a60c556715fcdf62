import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Proxy,
  services,
  sqsCall,
  startFauxqs,
  startProxy,
  startRabbit,
  startRedis,
  startPostgres,
} from "@waybill/test-servers";
import type { TestServer } from "@waybill/test-servers";
import { afterEach, describe, expect, test } from "vitest";

const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});
const keep = <T extends { stop(): Promise<void> }>(one: T): T => {
  open.push(one);
  return one;
};
const keepProxy = (proxy: Proxy): Proxy => {
  open.push({ stop: () => proxy.close() });
  return proxy;
};

/** What the server says to one line within a second; "" for silence, "broken" for a connection that is refused or reset. */
function ask(port: number, line: string, over?: Socket): Promise<string> {
  return new Promise((resolve) => {
    const socket = over ?? connect({ port, host: "127.0.0.1" });
    const silence = setTimeout(() => resolve(""), 1_000);
    const end = (text: string) => {
      clearTimeout(silence);
      if (over === undefined) socket.destroy();
      resolve(text);
    };
    socket.once("data", (bytes) => end(bytes.toString()));
    socket.once("error", () => end("broken"));
    socket.once("close", () => end("broken"));
    socket.write(`${line}\r\n`);
  });
}

/** Addresses on which the processes below `pid` listen, as /proc writes them: "0100007F" is 127.0.0.1. */
function addressesOf(port: number): string[] {
  const lines = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => readFileSync(file, "utf8").split("\n"));
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const listening = lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === "0A" && local);
  return listening.flatMap(([, local = ""]) => (local.endsWith(suffix) ? [local.slice(0, -suffix.length)] : []));
}

describe("a server of our own", () => {
  test("keeps its data through kill and restart, on the same port, and leaves none after stop", async () => {
    const redis = await startRedis({ appendfsync: "always" });
    expect(await ask(redis.port, "SET k kept")).toBe("+OK\r\n");
    const before = redis.pid;
    await redis.kill();
    expect(await ask(redis.port, "PING")).toBe("broken");
    await redis.restart();
    expect(redis.pid).not.toBe(before);
    expect(await ask(redis.port, "GET k")).toContain("kept");
    await redis.stop();
    await redis.stop();
    expect(() => readdirSync(redis.folder)).toThrow("ENOENT");
  });

  test("is silent while frozen, goes on when thawed, and stops although frozen", async () => {
    const redis = keep(await startRedis());
    redis.freeze();
    expect(await ask(redis.port, "PING")).toBe("");
    redis.thaw();
    expect(await ask(redis.port, "PING")).toBe("+PONG\r\n");
    redis.freeze();
    await redis.stop();
    expect(await ask(redis.port, "PING")).toBe("broken");
  });

  test("is killed with every process below it", async () => {
    const postgres = keep(await startPostgres());
    const tree = execFileSync("ps", ["-o", "pid=", "--ppid", `${postgres.pid}`], { encoding: "utf8" });
    const pids = tree.trim().split(/\s+/);
    expect(pids.length).toBeGreaterThan(3);
    await postgres.kill();
    await sleep(100);
    const alive = pids.filter((pid) => readdirSync("/proc").includes(pid));
    expect(alive.filter((pid) => !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8")))).toEqual([]);
    await postgres.restart();
  });

  test.each<[string, () => Promise<TestServer>]>([
    ["redis", () => startRedis()],
    ["fauxqs", () => startFauxqs()],
    ["postgres", () => startPostgres()],
    ["pgbouncer", () => services.pgbouncer.start(0)],
    ["rabbitmq", () => startRabbit()],
  ])(
    "listens on 127.0.0.1 alone: %s",
    async (_, start) => {
      const server = keep(await start());
      expect(addressesOf(server.port)).toEqual(["0100007F"]);
    },
    90_000,
  );

  test("fauxqs with a file keeps a message that becomes visible again, also through a restart", async () => {
    const fauxqs = keep(await startFauxqs());
    const call = <Output>(action: string, input: object): Promise<Output> =>
      sqsCall<Output>(`http://127.0.0.1:${fauxqs.port}`, action, input);
    const { QueueUrl } = await call<{ QueueUrl: string }>("CreateQueue", { QueueName: "letters" });
    await call("SendMessage", { QueueUrl, MessageBody: "kept" });
    const receive = async (): Promise<{ ReceiptHandle: string }[]> =>
      (await call<{ Messages?: { ReceiptHandle: string }[] }>("ReceiveMessage", { QueueUrl })).Messages ?? [];
    const [message] = await receive();
    const ReceiptHandle = message?.ReceiptHandle;
    await call("ChangeMessageVisibility", { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });
    await fauxqs.kill();
    await fauxqs.restart();
    expect(await receive()).toHaveLength(1);
  });

  test("says what it said when it does not start", async () => {
    await expect(startRedis({ args: ["--no-such-setting", "1"] })).rejects.toThrow(
      /redis does not start[^]*no-such-setting/,
    );
  });
});

describe("a wire", () => {
  test("breaks connections when cut, and carries new ones once healed", async () => {
    const redis = keep(await startRedis());
    const wire = keepProxy(await startProxy(redis));
    expect(wire.url(redis.url)).toBe(`redis://127.0.0.1:${wire.port}`);
    expect(await ask(wire.port, "PING")).toBe("+PONG\r\n");
    wire.cut();
    expect(await ask(wire.port, "PING")).toBe("broken");
    wire.heal();
    expect(await ask(wire.port, "PING")).toBe("+PONG\r\n");
  });

  test("cut in silence keeps the connection and passes nothing until it is healed", async () => {
    const redis = keep(await startRedis());
    const wire = keepProxy(await startProxy(redis));
    const socket = connect({ port: wire.port, host: "127.0.0.1" });
    expect(await ask(wire.port, "PING", socket)).toBe("+PONG\r\n");
    wire.cut("silence");
    expect(await ask(wire.port, "SET k late", socket)).toBe("");
    expect(await ask(redis.port, "GET k")).toBe("$-1\r\n");
    wire.heal();
    await expect.poll(() => ask(redis.port, "GET k")).toContain("late");
    socket.destroy();
  });
});
