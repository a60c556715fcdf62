import { createHmac } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, keyRing, newSecret, type OutcomeEvent, requestSecret } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { sendOverHttp } from "@waybill/http";

/** Keys of a receiver in the middle of a rotation: it knows the one that signs as the second. */
export interface Keys {
  readonly given: string;
  readonly signing: string;
}

export function rotatingKeys(): Keys {
  const signing = newSecret();
  return { given: `${newSecret()} ${signing}`, signing };
}

/** What every receiver of the page must come to. */
export const expected = {
  outcomes: {
    done: { outcome: "completed" },
    "no orderId": { outcome: "dead", code: "PAYLOAD_INVALID" },
    "unknown type": { outcome: "release", code: "JOB_UNKNOWN", delayMs: 60_000, attempt: 1 },
    maintenance: { outcome: "release", code: "MAINTENANCE", delayMs: 30_000, attempt: 1 },
    failure: { outcome: "retry", attempt: 1 },
  },
  written: "o_1\n",
  statuses: {
    genuine: 200,
    "by the second of two values": 200,
    "the same again": 403,
    "a repetition of what was put back": 429,
    "another body": 403,
    unsigned: 403,
    "signed as a job": 403,
    "signed by another key": 403,
    "six minutes old": 403,
    "six minutes ahead": 403,
    "a time with a leading zero": 403,
    "by the ninth of nine values": 403,
    "signed as another job": "400 dead CARRIER_INVALID",
    "another path": 404,
  },
} as const;

/** Waits until something answers at `url`; rejects after 60 s, which a compiler may need. */
export async function untilListening(url: string, hasEnded: () => string | null): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    const ended = hasEnded();
    if (ended !== null) throw new Error(`the receiver has ended: ${ended}`);
    const answered = await fetch(url, { method: "POST" }).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await sleep(100);
  }
  throw new Error(`nothing listens at ${url}`);
}

/** What a job is answered that is signed by the key of a secret that has no bytes. */
export async function statusOfUnproven(origin: string): Promise<number> {
  const id = crypto.randomUUID();
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const body = JSON.stringify({ spec: "waybill/1", id, type: "receipt.send", args: [{ orderId: "o_5" }] });
  const key = createHmac("sha256", "").update("waybill request").digest();
  const value = `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
  const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": value };
  return (await fetch(`${origin}/work`, { method: "POST", headers, body })).status;
}

/** Pushes jobs by our own sender, and forgeries by hand. `folder`: where the receiver runs. */
export async function observe(origin: string, keys: Keys, folder: string): Promise<unknown> {
  return { ...(await pushed(origin, keys, folder)), statuses: await statuses(origin, keys, folder) };
}

async function pushed(origin: string, { signing }: Keys, folder: string): Promise<object> {
  const jobs = await connect(memoryBackend(), { log: "off" });
  const sender = sendOverHttp({ to: `${origin}/work`, keys: signing, hold: 0, events: jobs.events });
  await jobs.worker({ jobs: [sender], queues: ["default"] }).start();
  const outcomeOf = async (type: string, payload: unknown): Promise<Partial<OutcomeEvent>> => {
    const settled = new Promise<OutcomeEvent>((resolve) => {
      const stop = jobs.events.on("settled", (event) => {
        stop();
        resolve(event);
      });
    });
    await jobs.enqueue(type, payload);
    return settled;
  };
  const short = ({ outcome, reason, delayMs, attempt }: Partial<OutcomeEvent>): object => {
    const code = reason?.code;
    if (outcome === "completed") return { outcome };
    if (outcome === "dead") return { outcome, code };
    return outcome === "release" ? { outcome, code, delayMs, attempt } : { outcome, attempt };
  };
  const maintenance = join(folder, "maintenance");
  const receipts = join(folder, "receipts.txt");
  try {
    const done = short(await outcomeOf("receipt.send", { orderId: "o_1" }));
    const dead = short(await outcomeOf("receipt.send", {}));
    const unknown = short(await outcomeOf("receipt.burn", {}));
    writeFileSync(maintenance, "");
    const later = short(await outcomeOf("receipt.send", { orderId: "o_2" }));
    rmSync(maintenance);
    const written = readFileSync(receipts, "utf8");
    // A folder in its place cannot be written to, by root neither.
    rmSync(receipts);
    mkdirSync(receipts);
    const failure = short(await outcomeOf("receipt.send", { orderId: "o_3" }));
    rmSync(receipts, { recursive: true });
    const outcomes = { done, "no orderId": dead, "unknown type": unknown, maintenance: later, failure };
    return { outcomes, written };
  } finally {
    await jobs.close();
  }
}

interface Request {
  readonly id: string;
  readonly timestamp: string;
  readonly body: string;
  readonly value: string | null;
}

async function statuses(origin: string, { signing }: Keys, folder: string): Promise<object> {
  const own = keyRing(signing).requests;
  const textOf = (id: string): string =>
    JSON.stringify({ spec: "waybill/1", id, type: "receipt.send", args: [{ orderId: "ö_4" }] });
  /** Signed as it should be, but for what `change` says. */
  function request(change: Partial<Request> & { ring?: { sign: typeof own.sign }; shiftS?: number } = {}): Request {
    const id = change.id ?? crypto.randomUUID();
    const timestamp = change.timestamp ?? String(Math.floor(Date.now() / 1_000) + (change.shiftS ?? 0));
    const signed = change.body ?? textOf(id);
    const { ring = own } = change;
    const value = ring.sign({ id, timestamp: Number(timestamp), body: signed });
    return { id, timestamp, body: signed, value, ...change };
  }
  async function send({ id, timestamp, body, value }: Request, path = "/work"): Promise<number | string> {
    const headers = {
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      ...(value !== null && { "webhook-signature": value }),
    };
    const response = await fetch(`${origin}${path}`, { method: "POST", headers, body });
    await response.arrayBuffer();
    const { status } = response;
    if (status !== 400) return status;
    return `${status} ${response.headers.get("waybill-outcome")} ${response.headers.get("waybill-reason")}`;
  }
  const key = Buffer.from(requestSecret(signing).slice("whsec_".length), "base64");
  const byHand = (text: string): string => `v1,${createHmac("sha256", key).update(text).digest("base64")}`;
  const genuine = request();
  const put = request();
  const wrong = `v1,${Buffer.alloc(32).toString("base64")}`;
  const old = request();
  const padded = `0${old.timestamp}`;
  const results = {
    genuine: await send(genuine),
    "by the second of two values": await send({ ...put, value: `${wrong} ${put.value}` }),
    "the same again": await send(genuine),
    "a repetition of what was put back": await repeatedRelease(),
    "another body": await send({ ...request(), body: textOf(crypto.randomUUID()) }),
    unsigned: await send({ ...request(), value: null }),
    "signed as a job": await send(request({ ring: keyRing(signing) })),
    "signed by another key": await send(request({ ring: keyRing(newSecret()).requests })),
    "six minutes old": await send(request({ shiftS: -360 })),
    "six minutes ahead": await send(request({ shiftS: 360 })),
    "a time with a leading zero": await send({
      ...old,
      timestamp: padded,
      value: byHand(`${old.id}.${padded}.${old.body}`),
    }),
    "by the ninth of nine values": await send({ ...old, value: `${`${wrong} `.repeat(8)}${old.value}` }),
    "signed as another job": await send(request({ body: textOf(crypto.randomUUID()) })),
    "another path": await send(request(), "/"),
  };
  return results;

  async function repeatedRelease(): Promise<number | string> {
    const file = join(folder, "maintenance");
    writeFileSync(file, "");
    const one = request();
    await send(one);
    const status = await send(one);
    rmSync(file);
    return status;
  }
}
