import { connect } from "node:net";
import { keyRing, newSecret } from "@waybill/core";
import { signatureFor } from "@waybill/core/endpoint";
import { expect, test } from "vitest";
import { type AppProcess, newRecord, startApp } from "../support/app-process.ts";
import { daemonHeaders, envelope, idIn, signedAttributes } from "../support/daemon-request.ts";
import { type Attack, attack, dice } from "./hostile.ts";

const REQUESTS = 10_000;
const WARM_UP = 5_000;
const AT_ONCE = 200;
/** In bytes. What a burst of large bodies has taken from the system comes back late, and not all of it. */
const MOST_RSS_GROWTH = 64 * 1_048_576;
/** In bytes: a leak of 2 KB a request would show. */
const MOST_HEAP_GROWTH = 16 * 1_048_576;
/** How long an attacker waits for responses. */
const WAIT_MS = 400;

/** Sends one attack and returns the status lines that came back, none for a connection that was closed. */
function strike(port: number, { bytes, ends }: Attack): Promise<string[]> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    let heard = "";
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve([...heard.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => status ?? ""));
    };
    const timer = setTimeout(end, WAIT_MS);
    socket.on("data", (part) => {
      heard += part.toString("latin1");
      if (ends === "wait" && /\r\n\r\n/.test(heard)) end();
    });
    socket.on("end", end).on("error", end).on("close", end);
    socket.on("connect", () => {
      if (ends === "drip") return drip();
      socket.write(bytes, () => {
        if (ends === "reset") socket.resetAndDestroy();
        if (ends === "half-close") socket.end();
      });
    });
    function drip(at = 0): void {
      if (socket.destroyed || at > bytes.length) return;
      socket.write(bytes.subarray(at, at + 20), () => void setTimeout(() => drip(at + 20), 50));
    }
  });
}

/** Sends a signed job to each endpoint and returns the statuses. */
async function goodJobs(port: number, secret: string): Promise<number[]> {
  const keys = keyRing(secret);
  const [native, pushed] = [envelope("work"), envelope("work")];
  const { timestamp, value } = signatureFor(keys.requests, idIn(native), native);
  const signed = { "webhook-id": idIn(native), "webhook-timestamp": String(timestamp), "webhook-signature": value };
  const asDaemon = daemonHeaders({ body: pushed, attributes: signedAttributes(pushed, idIn(pushed), keys) });
  const post = async (body: string, headers: Record<string, string>): Promise<number> =>
    (await fetch(`http://127.0.0.1:${port}/work`, { method: "POST", body, headers })).status;
  return [await post(native, signed), await post(pushed, asDaemon)];
}

async function barrage(app: AppProcess, seed: number, count: number): Promise<Map<string, number>> {
  const roll = dice(seed);
  const heard = new Map<string, number>();
  let left = count;
  const attacker = async (): Promise<void> => {
    while (left > 0 && app.exitCode() === null) {
      left -= 1;
      const one = attack(roll);
      const statuses = await strike(app.port, one);
      for (const status of statuses.length === 0 ? ["closed"] : statuses)
        heard.set(status, (heard.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, attacker));
  return heard;
}

test(`${REQUESTS} hostile requests leave the process up, its memory flat and nothing run; then a good job runs`, async () => {
  const seed = Number(process.env["WAYBILL_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const again = `seed ${seed}; set WAYBILL_SEED to see it again`;
  const record = newRecord();
  const secret = newSecret();
  const app = await startApp({ secret, record });
  try {
    await barrage(app, seed, WARM_UP);
    const before = await app.memory();
    const heard = await barrage(app, seed + 1, REQUESTS);
    expect(app.exitCode(), again).toBeNull();
    const growth = async () => {
      const { rss, heap } = await app.memory();
      return rss - before.rss < MOST_RSS_GROWTH && heap - before.heap < MOST_HEAP_GROWTH
        ? "flat"
        : { rss, heap, before };
    };
    await expect.poll(growth, { timeout: 5_000, message: again }).toBe("flat");
    expect(record.started(), again).toEqual([]);
    // 100 means Continue; no request succeeded, and none caused an error of ours.
    const strange = [...heard.keys()].filter((status) => !/^(4\d\d|100|closed)$/.test(status));
    expect(strange, again).toEqual([]);
    for (const status of ["400", "403", "404", "413", "431"]) expect(heard.get(status), status).toBeGreaterThan(0);
    expect(await goodJobs(app.port, secret), again).toEqual([200, 200]);
    expect(record.ended()).toHaveLength(2);
  } finally {
    await app.end("SIGKILL");
    record.remove();
  }
});
