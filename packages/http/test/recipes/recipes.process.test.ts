import { setTimeout as sleep } from "node:timers/promises";
import { newId } from "@waybill/core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { secret, signed } from "../support/signed-requests.ts";
import { frameworks, type Served, serveRecipe } from "./recipe.ts";

let served: Served;
afterEach(async () => {
  served.kill("SIGKILL");
  await served.ended;
});

/** Written as no `JSON.stringify` would: only its very bytes have its signature. */
const envelope = (what: string, id = newId()): string =>
  `{ "spec": "waybill/1",  "id": "${id}", "type": "receipt.send", "args": [{ "what": "${what}" }] }`;

function post(path: string, body: string, more: RequestInit = {}, type = "application/json"): Promise<Response> {
  const by = path === "/work" ? {} : ({ asJob: true } as const);
  const headers = { "content-type": type, ...signed(body, by) };
  return fetch(served.origin + path, { method: "POST", body, headers, ...more });
}

const until = (text: string): Promise<void> =>
  vi.waitFor(() => expect(served.output()).toContain(text), { timeout: 15_000, interval: 20 });

describe.each(frameworks)("the recipe for %s", (framework) => {
  test("takes pushed and new jobs of any content type up to its own limits, and leaves all else alone", async () => {
    served = await serveRecipe(framework, secret);
    for (const path of ["/work", "/jobs"]) {
      const response = await post(path, envelope("it"));
      expect([path, response.status]).toEqual([path, 200]);
      for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"]) {
        expect([path, type, (await post(path, envelope("typed"), {}, type)).status]).toEqual([path, type, 200]);
      }
      expect((await post(path, envelope("x".repeat(1_040_000)))).status).toBe(200);
      expect((await post(path, envelope("x".repeat(2_200_000)))).status).toBe(413);
      const forged = { headers: signed(envelope("other")) };
      expect((await post(path, envelope("forged"), forged)).status).toBe(403);
    }
    await until("ended it");
    const lines = `${envelope("first")}\n${envelope("second")}\n`;
    const ndjson = { "content-type": "application/x-ndjson", ...signed(lines, { id: "batch_1", asJob: true }) };
    const batch = await fetch(`${served.origin}/jobs/batch`, { method: "POST", body: lines, headers: ndjson });
    expect([batch.status, (await batch.text()).match(/"stored":true/g)]).toEqual([200, Array(2).fill('"stored":true')]);
    expect([404, 405]).toContain((await fetch(`${served.origin}/work`, { method: "HEAD" })).status);
    const headers = { "content-type": "application/json" };
    const echoed = await fetch(`${served.origin}/echo`, { method: "POST", headers, body: '{"a": 1}' });
    expect([echoed.status, await echoed.json()]).toEqual([200, { a: 1 }]);
  });

  test("aborts the job of a sender that goes away, amid its body as well, and goes on", async () => {
    served = await serveRecipe(framework, secret);
    const gone = new AbortController();
    const response = post("/work", envelope("forever"), { signal: gone.signal });
    await until("began forever");
    gone.abort();
    await expect(response).rejects.toThrow("aborted");
    await until("aborted forever");
    for (const path of ["/work", "/jobs"]) {
      const half = new AbortController();
      const body = new ReadableStream({ start: (to) => to.enqueue(Buffer.from('{ "spec": ')) });
      const sent = post(path, envelope("half"), { body, duplex: "half", signal: half.signal } as RequestInit);
      await sleep(200);
      half.abort();
      await expect(sent).rejects.toThrow("aborted");
      expect((await post(path, envelope("next"))).status).toBe(200);
    }
    expect(served.output()).not.toMatch(/unhandled|ERR_|TypeError/i);
  });

  test("on SIGTERM lets a running job end and sends its response, then ends", async () => {
    served = await serveRecipe(framework, secret);
    const response = post("/work", envelope("slow"));
    await until("began slow");
    served.kill("SIGTERM");
    expect((await response).status).toBe(200);
    expect(await served.ended).toBe(framework === "Next" ? 143 : 0);
    expect(served.output()).toContain("ended slow");
    expect(served.output()).toMatch(/"event":"stopped".*"reason":"SIGTERM"/);
  });
});
