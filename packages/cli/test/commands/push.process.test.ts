import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { defineJob, DeadLetter, keyRing, newSecret } from "@waybill/core";
import { createReceiver } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { describe, expect, onTestFinished, test } from "vitest";
import { freshPlace, jsonLines, linesOf, type Running, start, until, waybill } from "../cli.ts";

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** An application on a port of its own, or on `path`. */
async function serve(listener: Listener, path?: string): Promise<string> {
  const server = createServer(listener);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
    if (path !== undefined) rmSync(path, { force: true });
  });
  await once(path === undefined ? server.listen(0, "127.0.0.1") : server.listen(path), "listening");
  return path === undefined ? `http://127.0.0.1:${(server.address() as AddressInfo).port}` : `http://unix:${path}`;
}

const settledBy = (running: Running, count: number): Promise<Record<string, unknown>[]> =>
  until(`${count} settled`, () => {
    const lines = linesOf(running).filter(({ event }) => event === "settled");
    return lines.length >= count && lines;
  });
const enqueue = (env: Record<string, string>, type: string, ...more: string[]): Promise<unknown> =>
  waybill(["enqueue", type, "--no-registry", ...more], { env });

describe("waybill push", () => {
  test.each([
    ["where to send", (to: string) => ({ to })],
    ["whose jobs", () => ({ url: "sqlite:./theirs.db" })],
    ["by which keys", () => ({ keysFile: "./keys" })],
    ["without a signature", () => ({ unsigned: true })],
  ])("sends nothing for a folder whose package.json says %s", async (_, settings) => {
    const { folder, env } = freshPlace();
    const came: unknown[] = [];
    const origin = await serve((request, response) => {
      came.push(request.url);
      response.end();
    });
    await enqueue(env, "mail.send");
    writeFileSync(join(folder, "package.json"), JSON.stringify({ waybill: settings(origin) }));
    const args = ["push", ...("to" in settings(origin) ? [] : ["--to", origin])];
    const pushed = await waybill(args, { env: { ...env, WAYBILL_KEYS: newSecret() }, cwd: folder });
    expect(pushed.code).toBe(2);
    expect(pushed.stderr).toContain("which only the command line or the environment may");
    expect(came).toEqual([]);
  });

  test("hands jobs to a receiver and settles them as it says; what was enqueued with keys stays signed on its way", async () => {
    const place = freshPlace();
    const WAYBILL_KEYS = newSecret();
    const env = { ...place.env, WAYBILL_KEYS };
    const ran: string[] = [];
    const jobs = [
      defineJob({ type: "mail.send", handler: (_, { type, attempt }) => void ran.push(`${type} ${attempt}`) }),
      defineJob({
        type: "mail.never",
        handler() {
          throw new DeadLetter("no such order");
        },
      }),
    ];
    const receiver = createReceiver({ jobs, keys: WAYBILL_KEYS, log: "off" });
    const listener = nodeListener(receiver);
    const seen: IncomingMessage["headers"][] = [];
    const origin = await serve((request, response) => {
      seen.push(request.headers);
      listener(request, response);
    });
    await enqueue(env, "mail.send");
    await enqueue(env, "mail.never");
    const push = start(["push", "--to", `${origin}/work`], env);
    await settledBy(push, 2);
    push.child.kill("SIGTERM");
    const { code, stdout, stderr } = await push.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(ran).toEqual(["mail.send 1"]);
    const lines = jsonLines(stdout);
    expect(lines[0]).toMatchObject({ event: "booted", role: "push", queues: ["default"], concurrency: 10 });
    expect(lines.find(({ outcome }) => outcome === "dead")).toMatchObject({ reason: { code: "DEAD_LETTERED" } });
    expect(lines.at(-1)).toMatchObject({ event: "stopped", completed: 1, dead: 1, unfinished: 0 });
    for (const { "waybill-signature": value, "waybill-signature-timestamp": timestamp, "webhook-id": id } of seen) {
      expect([value, timestamp, id]).toEqual(Array(3).fill(expect.any(String)));
    }
    const letters = jsonLines((await waybill(["dead", "list", "--json"], { env })).stdout);
    expect(letters).toMatchObject([
      { type: "mail.never", reason: { code: "DEAD_LETTERED", message: "no such order" } },
    ]);
    expect(stdout).not.toContain(WAYBILL_KEYS);
  });

  test("takes the settings of Elastic Beanstalk's daemon by their names", async () => {
    const { env, folder } = freshPlace();
    const keys = newSecret();
    writeFileSync(join(folder, "keys"), `${keys}\n`);
    const seen: { url: string | undefined; type: string | undefined; isSigned: boolean }[] = [];
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const body = await text(request);
      const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature } = request.headers;
      const isSigned = keyRing(keys).requests.verify(
        { id: String(id), timestamp: Number(timestamp), body },
        String(signature),
      );
      seen.push({ url: request.url, type: request.headers["content-type"], isSigned });
      response.writeHead(500).end();
    };
    const origin = await serve((request, response) => void answer(request, response), join(folder, "app.sock"));
    await enqueue(env, "any.type", "--queue", "media");
    const settings = ["--http-path", "/jobs?a=b", "--mime-type", "text/plain", "--http-connections", "3"];
    const times = ["--visibility-timeout", "5m", "--error-visibility-timeout", "50ms", "--max-retries", "2"];
    const keysFile = ["--keys-file", join(folder, "keys")];
    const push = start(["push", "--to", origin, "--queues", "media", ...settings, ...times, ...keysFile], env);
    const settled = await settledBy(push, 2);
    expect(linesOf(push)[0]).toMatchObject({ queues: ["media"], concurrency: 3 });
    expect(settled).toMatchObject([
      { outcome: "retry", delayMs: 50, reason: { code: "HTTP_500" } },
      { outcome: "dead", attempt: 2, reason: { code: "ATTEMPTS_EXHAUSTED" } },
    ]);
    const expected = { url: "/jobs?a=b", type: "text/plain", isSigned: true };
    expect(seen).toEqual([expected, expected]);
  });

  test("says once, by status and place, that a receiver does not let it in, and that it does again", async () => {
    const { env } = freshPlace();
    let isOpen = false;
    const origin = await serve((_, response) => void response.writeHead(isOpen ? 200 : 403).end());
    const push = start(["push", "--unsigned", "--to", `${origin}/work?token=s3cret`], env);
    await enqueue(env, "any.type");
    const line = await until("the line", () => linesOf(push).find(({ event }) => event === "receiver_unavailable"));
    expect(line).toMatchObject({ to: `${origin}/work`, status: 403, message: `${origin}/work answered 403` });
    isOpen = true;
    expect((await settledBy(push, 1))[0]).toMatchObject({ outcome: "completed", attempt: 1 });
    const events = linesOf(push).map(({ event }) => event);
    expect(events.filter((event) => String(event).startsWith("receiver_"))).toEqual([
      "receiver_unavailable",
      "receiver_recovered",
    ]);
    expect(push.stdout()).not.toContain("s3cret");
  });
});

describe("what waybill push refuses, without showing a key", () => {
  const secret = newSecret();
  const base = ["push", "--url", "memory:", "--to", "http://127.0.0.1:1/work"];
  test.each<[string, string[], Record<string, string>, string]>([
    [
      "no key and no word about it",
      base,
      {},
      "set WAYBILL_KEYS or --keys-file (`waybill keys` creates one), or give --unsigned",
    ],
    ["keys and --unsigned", [...base, "--unsigned"], { WAYBILL_KEYS: secret }, "keep one of them"],
    [
      "keys in two places",
      [...base, "--keys-file", "k"],
      { WAYBILL_KEYS: secret },
      "both --keys-file and WAYBILL_KEYS",
    ],
    ["a key on the command line", [...base, "--keys", secret], {}, "--keys"],
    ["a key cut short", base, { WAYBILL_KEYS: secret.slice(0, 20) }, "secret 1 of the key ring"],
    ["a file that is not there", [...base, "--keys-file", "./gone"], {}, "the keys cannot be read: ENOENT"],
    ["no place", ["push", "--unsigned"], {}, "--to <url>"],
    ["two paths", [...base, "--unsigned", "--http-path", "/x"], {}, "--to has a path already"],
    ["what it cannot do", [...base, "--unsigned", "--retention-period", "4d"], {}, "expires_at"],
    ["more retries than there are", [...base, "--unsigned", "--max-retries", "101"], {}, "from 1 to 100"],
  ])("%s", async (_, args, env, message) => {
    const { code, stdout, stderr } = await waybill(args, { env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).not.toContain(secret.slice(6, 20));
  });
});

test("waybill doctor --to prints what push would run with, and says whether an application is there", async () => {
  const origin = await serve(({ url = "" }, response) => {
    response.writeHead(url.startsWith("/work") ? 405 : 404).end();
  });
  const env = { WAYBILL_KEYS: newSecret() };
  const args = ["doctor", "--json", "--url", "memory:", "--http-connections", "7", "--to"];
  const there = await waybill([...args, `${origin}/work?token=s3cret`], { env });
  const elsewhere = await waybill([...args, `${origin}/wrok`], { env });
  const away = await waybill([...args, "http://127.0.0.1:1/work"], { env });
  const setting = Object.fromEntries(
    jsonLines(there.stdout).map(({ name, value, origin: by }) => [name, `${value} (${by})`]),
  );
  expect(setting).toMatchObject({
    to: `${origin}/work (code)`,
    concurrency: "7 (code)",
    inactivityTimeout: "299s (default)",
    keys: "KeyRing(1 key) (env)",
  });
  expect(jsonLines(there.stdout).at(-1)).toMatchObject({ check: "receiver.answers", severity: "ok" });
  expect(jsonLines(elsewhere.stdout).at(-1)).toMatchObject({
    check: "receiver.answers",
    severity: "warning",
    message: `${origin}/wrok answers 404`,
    remedy: expect.stringContaining("compare the path"),
  });
  expect(jsonLines(away.stdout).at(-1)).toMatchObject({ check: "receiver.answers", severity: "failure" });
  expect([there.code, elsewhere.code, away.code]).toEqual([0, 0, 1]);
  expect(there.stdout + away.stdout + away.stderr).not.toMatch(/s3cret|whsec_/);
});
