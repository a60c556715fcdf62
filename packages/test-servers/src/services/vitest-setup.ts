import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type FoundService, findService } from "./find-service.ts";
import { FINDER_VARIABLE } from "./service-url.ts";
import { serviceNames } from "./services.ts";

const found = new Map<string, Promise<FoundService>>();
let close = async (): Promise<void> => {};

/**
 * vitest's globalSetup: starts a server that returns to tests the URL of a service. It looks for a service at the first request
 * for it, so that a run without such tests starts nothing.
 */
export async function setup(): Promise<void> {
  // Every project of the workspace calls this; the first one serves all.
  if (process.env[FINDER_VARIABLE]) return;
  const server = createServer(async (request, response) => {
    // The idle timer could close a kept connection in the moment of the next request.
    response.setHeader("connection", "close");
    const name = serviceNames.find((known) => `/${known}` === request.url);
    if (name === undefined) return void response.writeHead(404).end(`no service is called ${request.url}`);
    const finding = found.get(name) ?? findService(name);
    found.set(name, finding);
    await finding.then(
      ({ url }) => response.end(url),
      (error: unknown) => response.writeHead(503).end(error instanceof Error ? error.message : String(error)),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  process.env[FINDER_VARIABLE] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = async () => {
    delete process.env[FINDER_VARIABLE];
    server.close();
    server.closeAllConnections();
  };
}

/** Stops what was started for the tests. */
export async function teardown(): Promise<void> {
  await close();
  const started = await Promise.allSettled(found.values());
  found.clear();
  await Promise.all(started.map((one) => (one.status === "fulfilled" ? one.value.stop() : null)));
}
