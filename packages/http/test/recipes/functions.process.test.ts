import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { newId } from "@waybill/core";
import { freePort } from "@waybill/test-servers";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { newSecrets, requestsOf, type Secrets } from "../carriers/every.ts";
import { secret, signed } from "../support/signed-requests.ts";
import { jobsOfRecipes } from "./recipe-jobs.ts";

const framework = fileURLToPath(new URL("main.js", import.meta.resolve("@google-cloud/functions-framework")));
const source = fileURLToPath(new URL("./function.ts", import.meta.url));

let secrets: Secrets;
let origin: string;
let child: ChildProcess;

// Google's framework itself, which parses every body before it calls the function and keeps the bytes in `rawBody`.
beforeAll(async () => {
  secrets = await newSecrets();
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const flags = ["--target=work", `--source=${source}`, `--port=${port}`];
  child = spawn(process.execPath, ["--conditions=waybill-source", framework, ...flags], {
    env: { ...process.env, SECRETS: JSON.stringify(secrets) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  await vi.waitFor(() => fetch(`${origin}/ran`), { timeout: 20_000, interval: 100 });
});
afterAll(async () => {
  child.kill("SIGKILL");
  await once(child, "exit");
});

/** Written as no `JSON.stringify` would: only its very bytes have its signature. */
const oddlyWritten = (id: string, more = ""): string =>
  `{ "spec": "waybill/1",  "id": "${id}", "type": "probe", "args": [{ "name": "Zoë${more}" }] }`;

const ran = async (): Promise<string[]> => (await fetch(`${origin}/ran`)).json() as Promise<string[]>;

const carriers = Object.keys(requestsOf({ keys: "whsec_MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=" } as Secrets));

test.each(carriers)("in a Cloud Function, a job of %s runs from the very bytes that were signed", async (carrier) => {
  const body = oddlyWritten(newId());
  const sent = await requestsOf(secrets)[carrier]?.(body);
  if (sent === undefined) throw new Error(`no request of ${carrier}`);
  const { path = "/work", ...request } = sent;
  const response = await fetch(origin + path, { method: "POST", ...request });
  expect([response.status, await response.text()]).toEqual([200, expect.anything()]);
  await vi.waitFor(async () => expect(await ran()).toContain(body), { timeout: 10_000 });
});

test("in a Cloud Function, another body under a signature is refused, and so is one over the limit", async () => {
  const send = requestsOf(secrets)["our own sender"];
  const right = await send?.(oddlyWritten(newId()));
  const other = { method: "POST", ...right, body: oddlyWritten(newId()) };
  expect((await fetch(`${origin}/work`, other)).status).toBe(403);
  const large = await send?.(oddlyWritten(newId(), "x".repeat(10_000)));
  expect((await fetch(`${origin}/work`, { method: "POST", ...large })).status).toBe(413);
  // In chunks, which do not say how much comes.
  const stream = new Blob([large?.body ?? ""]).stream();
  const chunked: RequestInit = { method: "POST", headers: large?.headers ?? {}, body: stream, duplex: "half" };
  expect((await fetch(`${origin}/work`, chunked)).status).toBe(413);
});

/** The function of docs/push.md, as it stands, in a folder of its own. */
function functionOfPage(): string {
  const page = readFileSync(new URL("../../../../docs/push.md", import.meta.url), "utf8");
  const [, code] = /```js\n([^`]*?functions-framework";\n[\s\S]*?)```/.exec(page) ?? [];
  if (code === undefined) throw new Error("docs/push.md has no function");
  const cache = fileURLToPath(new URL("../../../../node_modules/.cache/", import.meta.url));
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(`${cache}function-`);
  writeFileSync(`${folder}/package.json`, '{ "type": "module", "main": "index.js" }');
  writeFileSync(`${folder}/jobs.js`, jobsOfRecipes);
  writeFileSync(`${folder}/index.js`, code);
  return folder;
}

test("the function of docs/push.md finishes its job on SIGTERM, responds with 200 and ends", async () => {
  const folder = functionOfPage();
  const port = await freePort();
  const flags = ["--target=work", `--source=${folder}`, `--port=${port}`];
  const run = spawn(process.execPath, ["--conditions=waybill-source", framework, ...flags], {
    env: { ...process.env, WAYBILL_KEYS: secret },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(run, "exit");
  let output = "";
  run.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  try {
    await vi.waitFor(() => expect(output).toContain("URL: "), { timeout: 20_000, interval: 50 });
    const body = `{"spec":"waybill/1","id":"${newId()}","type":"receipt.send","args":[{"what":"slow"}]}`;
    const headers = { "content-type": "application/octet-stream", ...signed(body) };
    const response = fetch(`http://127.0.0.1:${port}/`, { method: "POST", body, headers });
    await vi.waitFor(() => expect(output).toContain("began slow"), { timeout: 10_000, interval: 20 });
    run.kill("SIGTERM");
    const { status, headers: received } = await response;
    expect([status, received.get("waybill-outcome")]).toEqual([200, "completed"]);
    expect(await ended).toEqual([0, null]);
    expect(output).toContain("ended slow");
  } finally {
    run.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}, 40_000);
