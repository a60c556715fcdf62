import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { newSecret } from "@waybill/core";
import { signedWrapper } from "@waybill/core/endpoint";
import { run } from "../../src/program.ts";
import { jsonLines } from "../cli.ts";

let folder = "";
let printed = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-check-"));
  const keep = (text: unknown): boolean => {
    printed += String(text);
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(keep);
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** Runs `waybill check` on a file with this content. */
async function checked(content: string | Uint8Array, ...more: string[]): Promise<{ code: number; stdout: string }> {
  const file = join(folder, "job");
  writeFileSync(file, content);
  printed = "";
  return { code: await run(["check", file, ...more]), stdout: printed };
}

const places = (stdout: string): unknown[] =>
  jsonLines(stdout).map(({ line, code, pointer }) =>
    line === null ? `${pointer} ${code}` : `${line}${pointer} ${code}`,
  );

test.each([
  [{}, "an object"],
  ["x", "a string"],
  [7, "a number"],
])("args of the wrong type are named in plain English: %j is %s", async (args, named) => {
  const id = "01890a5d-ac96-774b-bcce-b302099a8057";
  const envelope = { spec: "waybill/1", id, type: "mail.send", args, created_at: "2026-11-30T09:00:00.000Z" };
  expect((await checked(JSON.stringify(envelope))).stdout).toContain(`${named}; write an array`);
});

/** Forms of a body: spec/1.0/vectors/README.md. */
type BodyInput =
  | { readonly envelope: unknown }
  | { readonly text: string }
  | { readonly base64: string }
  | { readonly repeat: readonly (readonly [text: string, times: number])[] };

interface Vector {
  readonly name: string;
  readonly input: BodyInput;
  readonly error?: { readonly code: string; readonly pointer: string };
}

function vectorsOf(kind: "invalid" | "valid"): Vector[] {
  const files = new URL(`../../../../spec/1.0/vectors/${kind}/`, import.meta.url);
  return readdirSync(files).flatMap((file) => JSON.parse(readFileSync(new URL(file, files), "utf8")) as Vector[]);
}

function bytesOf(input: BodyInput): string | Uint8Array {
  if ("envelope" in input) return JSON.stringify(input.envelope);
  if ("text" in input) return input.text;
  if ("base64" in input) return Buffer.from(input.base64, "base64");
  return input.repeat.map(([text, times]) => text.repeat(times)).join("");
}

const good = { spec: "waybill/1", id: "019539a4-b68c-7def-8000-1a2b3c4d5e6f", type: "mail.send", args: [] };

describe("the vectors", () => {
  test("each invalid one is told its code and pointer, the spec's sentence, and no fault that it does not have", async () => {
    const wrong: unknown[] = [];
    const vectors = vectorsOf("invalid");
    for (const { name, input, error } of vectors) {
      const { code, stdout } = await checked(bytesOf(input), "--json");
      const found = jsonLines(stdout);
      const [first] = found;
      const right = first?.["code"] === error?.code && first?.["pointer"] === error?.pointer;
      // Two have more than one, and all of one kind: they leave out all that is required.
      const alone = found.length === 1 || found.every((fault) => fault["code"] === "FIELD_MISSING");
      if (code !== 1 || !right || !alone || typeof first?.["rule"] !== "string") {
        wrong.push({ name, error, code, found });
      }
    }
    expect(vectors.length).toBeGreaterThan(100);
    expect(wrong).toEqual([]);
  });

  test("each valid one is sound", async () => {
    for (const { name, input } of vectorsOf("valid")) {
      expect({ name, ...(await checked(bytesOf(input), "--json")) }).toMatchObject({ name, code: 0 });
    }
  });
});

test("all faults of an envelope are told, each at its place", async () => {
  const { id, ...others } = good;
  const faulty = {
    ...others,
    id: id.toUpperCase(),
    priority: 500,
    timeout: null,
    created_at: "today",
    retry: { max_attempts: 0, jittr: true, non_retryable_errors: ["", "A", 7] },
    dedupe: { for: "5s", key: "" },
    meta: { Shop: 1, tenant_id: 7, payload_version: 1 },
    x_note: "kept",
    crit: ["timeout"],
    scheduled_at: "2026-01-02T00:00:00Z",
    expires_at: "2026-01-01T00:00:00Z",
  };
  expect(places((await checked(JSON.stringify(faulty), "--json")).stdout)).toEqual([
    "/id ID_INVALID",
    "/priority RANGE_INVALID",
    "/timeout FIELD_NULL",
    "/created_at TIMESTAMP_INVALID",
    "/retry/max_attempts RANGE_INVALID",
    "/retry/jittr FIELD_UNKNOWN",
    "/retry/non_retryable_errors/0 LENGTH_INVALID",
    "/retry/non_retryable_errors/2 FIELD_TYPE",
    "/dedupe/for DURATION_INVALID",
    "/dedupe/key LENGTH_INVALID",
    "/meta/Shop META_KEY_INVALID",
    "/meta/tenant_id FIELD_TYPE",
    "/expires_at EXPIRY_ORDER",
  ]);
  const doubled = `{"spec":"waybill/1","type":"Mail","type":"Mail","args":[]}`;
  expect(places((await checked(doubled, "--json")).stdout)).toEqual([
    "/type JSON_DUPLICATE_KEY",
    "/id FIELD_MISSING",
    "/type TYPE_INVALID",
  ]);
  expect(places((await checked('{"spec":"waybill/2","id":7}', "--json")).stdout)).toEqual(["/spec SPEC_UNSUPPORTED"]);
});

test("a person reads the place, the code, what to write and what the spec says", async () => {
  const { code, stdout } = await checked(JSON.stringify({ ...good, queue: "Mail" }));
  expect({ code, lines: stdout.split("\n") }).toEqual({
    code: 1,
    lines: [
      "/queue  QUEUE_INVALID",
      "  not a-z, 0-9, dots and hyphens within",
      "  spec: `queue` does not match its pattern",
      "  spec: queue: `^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`, at most 63 characters",
      "",
    ],
  });
  const sound = await checked(JSON.stringify(good, null, 2));
  expect(sound).toMatchObject({ code: 0, stdout: expect.stringMatching(/job is an envelope and valid\.\n$/) });
});

describe("a signed wrapper", () => {
  const secret = newSecret();
  const wrapper = signedWrapper(secret, JSON.stringify(good));
  const changed = (change: object): string => JSON.stringify({ ...(JSON.parse(wrapper) as object), ...change });

  test("is judged by the envelope inside, and by its signature where there are keys", async () => {
    expect((await checked(wrapper)).stdout).toMatch(/is a signed wrapper and valid; its signature was not verified/);
    vi.stubEnv("WAYBILL_KEYS", secret);
    expect((await checked(wrapper)).stdout).toMatch(/and valid; its signature verifies\.\n$/);
    vi.stubEnv("WAYBILL_KEYS", newSecret());
    expect(places((await checked(wrapper, "--json")).stdout)).toEqual([" SIGNATURE_INVALID"]);
    vi.unstubAllEnvs();
    const bad = changed({ envelope: JSON.stringify({ ...good, type: "Mail" }) });
    expect(places((await checked(bad, "--json")).stdout)).toEqual(["/type TYPE_INVALID"]);
    const other = changed({ id: "019539a4-b68c-7def-8000-000000000000" });
    expect(places((await checked(other, "--json")).stdout)).toEqual(["/id SIGNATURE_INVALID"]);
  });

  test("that is none is told which member is wrong", async () => {
    const { stdout } = await checked(changed({ ts: "1795341600", sig: undefined }), "--json");
    expect(jsonLines(stdout)).toEqual([
      expect.objectContaining({
        code: "SPEC_INVALID",
        message: expect.stringMatching(
          /a signed wrapper it is neither: ts is the timestamp, an integer .*; sig is the value/,
        ),
      }),
    ]);
  });
});

test("a batch is judged line by line, and as a whole", async () => {
  const line = JSON.stringify(good);
  expect((await checked(`${line}\n${line}\n`)).stdout).toMatch(/is a batch of 2 envelopes and valid/);
  const faulty = `${line}\n\n${JSON.stringify({ ...good, id: 7 })}\n`;
  expect(places((await checked(faulty, "--json")).stdout)).toEqual(["2 BATCH_INVALID", "3/id FIELD_TYPE"]);
  expect(places((await checked(`${line}\n`.repeat(101), "--json")).stdout)).toEqual([" BATCH_INVALID"]);
});

test("a line of a batch may be a wrapper, as at an ingress: it is judged by the envelope inside and by its signature", async () => {
  const secret = newSecret();
  const [line, wrapper] = [JSON.stringify(good), signedWrapper(secret, JSON.stringify(good))];
  expect((await checked(`${wrapper}\n${line}\n${wrapper}\n`)).stdout).toMatch(/is a batch of 3 envelopes and valid/);
  vi.stubEnv("WAYBILL_KEYS", secret);
  const foreign = signedWrapper(newSecret(), line);
  const bad = JSON.stringify({
    ...(JSON.parse(wrapper) as object),
    envelope: JSON.stringify({ ...good, type: "Mail" }),
  });
  const { stdout } = await checked(`${wrapper}\n${foreign}\n${bad}\n`, "--json");
  vi.unstubAllEnvs();
  expect(places(stdout)).toEqual(["2 SIGNATURE_INVALID", "3/type TYPE_INVALID", "3 SIGNATURE_INVALID"]);
});

test("what is no text, or has no end, is one fault; what cannot be read is a usage error", async () => {
  expect(places((await checked(new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0xff, 0xfe]), "--json")).stdout)).toEqual([
    " ENCODING_INVALID",
  ]);
  printed = "";
  expect(await run(["check", "/dev/zero", "--json"])).toBe(1);
  expect(places(printed)).toEqual([" BODY_TOO_LARGE"]);
  expect(await run(["check", folder])).toBe(2);
  expect(await run(["check", join(folder, "nowhere")])).toBe(2);
});

test("the sentences are those of the pages; after a change there, npm run docs:spec-rules", () => {
  const script = fileURLToPath(new URL("../../../../scripts/generate-spec-rules.ts", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, ["--conditions=waybill-source", script, "--check"]);
  expect(status, stderr.toString()).toBe(0);
});
