import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type AppParts, createApp } from "../src/web/app.ts";

/** The status of a request that says this of itself. */
async function asked(path: string, headers: Record<string, string>, method = "GET"): Promise<number> {
  // None of these is reached by the requests below.
  const parts = { receiver: null, killWorker: null, files: {}, board: {}, albums: {}, live: {} };
  const server = createServer(createApp(parts as Partial<AppParts> as AppParts));
  onTestFinished(() => void server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const sent = request({ port, host: "127.0.0.1", path, method, headers: { host: `127.0.0.1:${port}`, ...headers } });
  const [response] = (await once(sent.end(), "response")) as [{ statusCode: number; resume(): void }];
  response.resume();
  return response.statusCode;
}

test.each(["/", "/health", "/events", "/albums/x"])(
  "a page of another name that has our address sees nothing of %s",
  async (path) => {
    for (const host of ["evil.example", "localhost.evil.example:3000", "127.0.0.1.evil.example"]) {
      expect(await asked(path, { host }), host).toBe(403);
    }
  },
);

test("the page is seen by each name of this machine, and changed from no other site", async () => {
  for (const host of ["localhost:3000", "127.0.0.1", "[::1]:3000"]) expect(await asked("/health", { host })).toBe(200);
  expect(await asked("/kill-worker", { origin: "https://evil.example" }, "POST")).toBe(403);
  expect(await asked("/kill-worker", {}, "POST")).toBe(409);
});
