import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type AppParts, createApp } from "../src/web/app.ts";

/** Returns the status of a request with these headers. */
async function statusOf(path: string, headers: Record<string, string>, method = "GET"): Promise<number> {
  // The requests below reach none of these.
  const dashboard: AppParts["dashboard"] = (_, response) => response.end();
  const parts = { receiver: null, dashboard, onWish: null, files: {}, board: {}, albums: {}, live: {} };
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
  "a request under another host name cannot read %s",
  async (path) => {
    for (const host of ["evil.example", "localhost.evil.example:3000", "127.0.0.1.evil.example"]) {
      expect(await statusOf(path, { host }), host).toBe(403);
    }
  },
);

test("the page is served under each name of this machine, and other sites cannot change anything", async () => {
  for (const host of ["localhost:3000", "127.0.0.1", "[::1]:3000"])
    expect(await statusOf("/health", { host })).toBe(200);
  expect(await statusOf("/stage", { origin: "https://evil.example" }, "POST")).toBe(403);
  expect(await statusOf("/stage", {}, "POST")).toBe(409);
});
