import { Buffer } from "node:buffer";
import { newSecret, keyRing } from "@waybill/core";
import { signatureFor } from "@waybill/core/endpoint";
import { signedWrapper } from "../../src/index.ts";
import { daemonHeaders, envelope, idIn } from "../support/daemon-request.ts";

/** Whole numbers from 0 below `sides`, the same for the same seed (mulberry32). */
export type Dice = (sides: number) => number;

export function dice(seed: number): Dice {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

/** One connection's worth of harm. */
export interface Attack {
  readonly name: string;
  readonly bytes: Buffer;
  /** What the client does once the bytes are out. */
  readonly ends: "wait" | "half-close" | "reset" | "drip";
}

const pick = <T>(roll: Dice, from: readonly T[]): T => from[roll(from.length)] as T;
const noise = (roll: Dice, length: number): string =>
  Array.from({ length }, () => String.fromCharCode(1 + roll(255))).join("");

const JUNK = [
  "",
  "{",
  "}",
  "[]",
  "null",
  "0",
  '""',
  "\u0000",
  "\ufeff{}",
  "{}{}",
  "NaN",
  "-",
  '{"a":1,"a":2}',
  '{"__proto__":{"spec":"waybill/1"}}',
  '{"constructor":{"prototype":{"run":true}}}',
  '{"spec":"waybill/1"}',
  '{"spec":"waybill/1","id":"__proto__","type":"toString","args":[]}',
  '{"spec":"waybill-signed/1"}',
  '{"spec":"waybill-signed/1","id":"x","ts":1e999,"sig":"v1,","envelope":"{}"}',
  "a=1&b=2",
  "<xml/>",
] as const;

/** Bodies that are not what they seem. */
function bodyOf(roll: Dice): string {
  const good = envelope("work", { text: noise(roll, roll(40)) });
  const kinds: readonly (() => string)[] = [
    () => pick(roll, JUNK),
    () => noise(roll, roll(400)),
    () => good,
    () => good.slice(0, roll(good.length)),
    () => good.slice(0, roll(good.length)) + noise(roll, 3) + good.slice(roll(good.length)),
    () => good.replace('"type"', '"type":"work","type"'),
    () => good.replace('"args":[', `"args":[${"[".repeat(roll(5_000))}`),
    () => "[".repeat(roll(20_000)),
    () => '{"a":'.repeat(roll(5_000)),
    () => `{"spec":"waybill-signed/1","envelope":${"[".repeat(roll(5_000))}`,
    () => signedWrapper(FORGER, good),
    () => JSON.stringify({ ...(JSON.parse(good) as object), [pick(roll, NAMES)]: pick(roll, NAMES) }),
    () => Buffer.from(good).toString("base64"),
    () => good.replace('"waybill/1"', `"waybill/${roll(100)}"`),
  ];
  return pick(roll, kinds)();
}

const NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "hasOwnProperty",
  "toString",
  "valueOf",
  "crit",
  "x_y",
  "meta",
] as const;
const FORGER = keyRing(newSecret());
const METHODS = "GET PUT DELETE HEAD OPTIONS PATCH TRACE post CONNECT BREW".split(" ");
const PATHS = [
  "/work?x=1 /work/ //work /work/../work /%77ork /WORK / * http://other/work /work#x /__proto__ /tasks/nightly".split(
    " ",
  ),
  ["/work\u0000", `/${"a".repeat(3_000)}`, ""],
].flat();

/** Headers of an attacker who has seen a request of ours, and does not have the key. */
function headersOf(roll: Dice, body: string): [string, string][] {
  const id = /"id":"([^"]+)"/.exec(body)?.[1] ?? idIn(envelope("work"));
  const { timestamp, value } = signatureFor(FORGER, id, body);
  const signed = { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": value };
  const kinds: readonly (() => Record<string, string>)[] = [
    () => ({}),
    () => signed,
    () => ({ ...signed, "webhook-signature": Array.from({ length: roll(200) }, () => value).join(" ") }),
    () => ({
      ...signed,
      "webhook-signature": pick(roll, ["", "v1,", "v1", "v2,AAAA", "v1,\u00ff", `v1,${"A".repeat(9_000)}`]),
    }),
    () => ({
      ...signed,
      "webhook-timestamp": pick(roll, ["", "0", "-1", "1e9", "9".repeat(400), "NaN", "0x10", " 1"]),
    }),
    () => ({ ...signed, "webhook-id": pick(roll, ["", ".", "a.b", "__proto__", "x".repeat(9_000)]) }),
    () => daemonHeaders({ body }),
    () =>
      daemonHeaders({
        body,
        attributes: { ...signed, "waybill-id": id, "waybill-encoding": pick(roll, ["base64", "gzip", ""]) },
      }),
    () =>
      daemonHeaders({
        body,
        headers: {
          "X-Aws-Sqsd-Taskname": pick(roll, [...NAMES, "", "nightly"]),
          "X-Aws-Sqsd-Scheduled-At": pick(roll, ["", "now", new Date().toISOString()]),
        },
      }),
    () =>
      daemonHeaders({
        body,
        headers: { "X-Aws-Sqsd-Receive-Count": pick(roll, ["", "-1", "1e3", "9".repeat(30), "one"]) },
      }),
    () => Object.fromEntries(NAMES.map((name) => [name, noise(roll, 8).replace(/[^!-~]/g, "x")])),
    () => ({
      ...signed,
      "waybill-attempt": pick(roll, ["0", "-1", "Infinity", "{}"]),
      "waybill-type": "work",
      "waybill-queue": "__proto__",
    }),
    () => ({ "x-forwarded-for": "127.0.0.1", authorization: "Bearer x.y.z", ...daemonHeaders({ body }) }),
  ];
  const headers = Object.entries(pick(roll, kinds)());
  // A name that comes twice.
  if (headers.length > 0 && roll(4) === 0) headers.push(pick(roll, headers));
  return headers;
}

/** A request that is HTTP, whatever is in it. */
function wellFormed(roll: Dice): Buffer {
  const body = bodyOf(roll);
  const headers = headersOf(roll, body);
  const head = [
    `${roll(5) === 0 ? pick(roll, METHODS) : "POST"} ${roll(4) === 0 ? pick(roll, PATHS) : "/work"} HTTP/1.1`,
    "Host: app",
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  const bytes = Buffer.from(body, roll(2) === 0 ? "utf8" : "latin1");
  return Buffer.concat([
    Buffer.from(`${[...head, `Content-Length: ${bytes.length}`].join("\r\n")}\r\n\r\n`, "latin1"),
    bytes,
  ]);
}

/** A request whose length, encoding or form is a lie. */
function malformed(roll: Dice): Buffer {
  const body = bodyOf(roll);
  const headers = headersOf(roll, body).map(([name, value]) => `${name}: ${value}`);
  const line = "POST /work HTTP/1.1\r\nHost: app";
  const chunk = (size: string): string => `${size}\r\n${body.slice(0, 64)}\r\n`;
  const lies: readonly (() => string)[] = [
    () => `Content-Length: ${body.length + 1 + roll(5_000)}\r\n\r\n${body}`,
    () => `Content-Length: ${roll(10)}\r\n\r\n${body}`,
    () =>
      `Content-Length: ${pick(roll, ["-1", "abc", "1e3", "0x10", "99999999999999999999", "1, 2", ""])}\r\n\r\n${body}`,
    () => `Content-Length: 3000000000\r\n\r\n${body}`,
    () => `Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("40")}`,
    () => `Content-Length: 1\r\nContent-Length: 2\r\n\r\n${body}`,
    () =>
      `Transfer-Encoding: chunked\r\n\r\n${chunk(pick(roll, ["zz", "-1", "FFFFFFFFFFFFFFFFF", "", "40;x=y", "0x40", "4 0"]))}`,
    () => `Transfer-Encoding: chunked\r\n\r\n${noise(roll, 300)}`,
    () =>
      `Transfer-Encoding: ${pick(roll, ["gzip", "gzip, chunked", "chunked, chunked", "identity", "\u000bchunked"])}\r\n\r\n${body}`,
    () => `Content-Encoding: ${pick(roll, ["gzip", "br", "zstd"])}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    () => `Expect: ${pick(roll, ["100-continue", "200-ok"])}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    () =>
      `Upgrade: ${pick(roll, ["websocket", "h2c"])}\r\nConnection: Upgrade\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    () => `X-Huge: ${"x".repeat(20_000 + roll(20_000))}\r\n\r\n${body}`,
    () => `${Array.from({ length: 2_500 }, (_, at) => `h${at}: ${at}`).join("\r\n")}\r\n\r\n${body}`,
    () => `bad name: 1\r\n:empty\r\n folded\r\n\r\n${body}`,
    () => `a: ${noise(roll, 30)}\r\n\r\n${body}`,
  ];
  if (roll(12) === 0)
    return Buffer.from(
      pick(roll, ["\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /work\r\n\r\n", noise(roll, 200)]),
      "latin1",
    );
  return Buffer.from([line, ...headers, pick(roll, lies)()].join("\r\n"), "latin1");
}

/** Larger than the receiver takes, or nearly. */
function large(roll: Dice): Buffer {
  const size = pick(roll, [1_048_577, 2_097_152, 2_097_153, 3_000_000]);
  const filler = pick(roll, ["[", '{"a":', "0,", " ", "é"]);
  const body = Buffer.from(filler.repeat(Math.ceil(size / Buffer.byteLength(filler))));
  const head = `POST /work HTTP/1.1\r\nHost: app\r\nuser-agent: aws-sqsd/3\r\nx-aws-sqsd-msgid: 1\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

export function attack(roll: Dice): Attack {
  const kind = roll(200);
  if (kind === 0) return { name: "large", bytes: large(roll), ends: "wait" };
  const name = kind < 130 ? "well-formed" : "malformed";
  const whole = name === "well-formed" ? wellFormed(roll) : malformed(roll);
  const bytes = roll(8) === 0 ? whole.subarray(0, roll(whole.length + 1)) : whole;
  const end = roll(40);
  return { name, bytes, ends: end === 0 ? "drip" : end < 4 ? "half-close" : end < 7 ? "reset" : "wait" };
}
