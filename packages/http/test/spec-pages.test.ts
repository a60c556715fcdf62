import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { connect, keyRing, newSecret, requestSecret } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createIngress, native } from "../src/index.ts";
import { nodeListener } from "../src/node/index.ts";

const spec = new URL("../../../spec/1.0/", import.meta.url);
const push = readFileSync(new URL("push.md", spec), "utf8");
const signing = readFileSync(new URL("signing.md", spec), "utf8");

/** The block on a page in that language; `at`: the first is 1. */
function example(page: string, language: string, at = 1): string {
  const code = page.split(`\`\`\`${language}\n`)[at]?.split("\n```")[0];
  if (code === undefined) throw new Error(`the page has no example in ${language}`);
  return code;
}

const secret = /`(whsec_[^`]+)`/.exec(signing)?.[1] ?? "";
const [printed = "", requestKey = ""] = [...signing.matchAll(/prints `([^`]+)`/g)].map(([, text]) => text);

describe("the example of the pages is one signed job", () => {
  afterEach(() => vi.useRealTimers());

  it("openssl, called as the page says, prints the signature that the page says", (context) => {
    if (spawnSync("openssl", ["version"]).status !== 0) return context.skip("openssl is not on this machine");
    for (const [at, result] of [printed, requestKey].entries()) {
      const { stdout, stderr } = spawnSync("sh", ["-c", example(signing, "sh", at + 1)], { encoding: "utf8" });
      expect({ stdout, stderr }).toEqual({ stdout: `${result}\n`, stderr: "" });
    }
    expect(requestSecret(secret)).toBe(`whsec_${requestKey}`);
    return undefined;
  });

  it("a receiver that has the secret accepts the request", async () => {
    const [head = "", body = ""] = example(push, "http").split("\n\n");
    const fields = head.split("\n").slice(1);
    const headers = Object.fromEntries(
      fields.map((line) => [line.split(": ")[0]!.toLowerCase(), line.split(": ")[1]!] as const),
    );
    expect(Buffer.byteLength(body)).toBe(Number(headers["content-length"]));
    vi.setSystemTime(Number(headers["webhook-timestamp"]) * 1_000);
    const delivery = await native({ keys: secret }).authenticate(
      { method: "POST", path: "/work", headers, peer: null, read: () => Promise.reject(), onDisconnect: () => {} },
      Buffer.from(body),
    );
    expect(delivery).toMatchObject({ body, attempt: 2, signedId: headers["webhook-id"] });
  });

  it("the wrapper holds the same bytes and the same signature", () => {
    const { id, ts: timestamp, sig, envelope: body } = JSON.parse(example(signing, "json"));
    expect(sig).toBe(`v1,${printed}`);
    expect(keyRing(secret).verify({ id, timestamp, body }, sig)).toBe(true);
    expect(example(push, "http").split("\n\n")[1]).toBe(body);
  });
});

it("the producer in Python, as its page shows it, sends a job to an ingress that has its secret", async (context) => {
  if (spawnSync("python3", ["--version"]).status !== 0) return context.skip("python3 is not on this machine");
  const page = readFileSync(new URL("../producers/python/README.md", spec), "utf8");
  const key = newSecret();
  const jobs = await connect(memoryBackend(), { log: "off" });
  const server = createServer(nodeListener(createIngress({ to: jobs, keys: key })));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const env = { ...process.env, WAYBILL_KEY: key, WAYBILL_INGRESS_URL: `http://127.0.0.1:${port}/jobs` };
  try {
    await promisify(execFile)("python3", ["-c", example(page, "python")], { env });
    expect(await jobs.inspector?.counts()).toMatchObject([{ queue: "default", ready: 1 }]);
  } finally {
    server.close();
    await jobs.close();
  }
  return undefined;
});

it("the page lists every problem code of the code, and no other, in its order", () => {
  const source = readFileSync(new URL("../src/push/push-refused.ts", import.meta.url), "utf8");
  const codes = [...source.split("export class")[0]!.matchAll(/^ {2}\| "(\w+)"/gm)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(10);
  const [, ofRequests = ""] = push.split("\nThe second table lists codes of requests:\n");
  const rows = [...ofRequests.matchAll(/^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|/gm)].map(([, cell = ""]) => cell);
  const listed = rows.flatMap((cell) => cell.replaceAll("`", "").split(", "));
  expect(listed).toEqual(codes);
});
