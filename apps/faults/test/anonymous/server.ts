// An application that is open to the network: `server.ts TRANSPORT SECRET`. A receiver at /work, a relay at /relay and an
// ingress at /jobs, on one port, mounted in one of four ways. Sends its parent the port.
import "reflect-metadata";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import type { DynamicModule } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { connect, defineJob, handlerFor, type Jobs } from "@waybill/core";
import { waybill } from "@waybill/express";
import { createIngress, createReceiver, createRelay, type Ingress, type Receiver, type Relay } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { JobHandler, WaybillModule } from "@waybill/nest";
import express from "express";

const [transport = "node", keys = ""] = process.argv.slice(2);
const work = defineJob({ type: "work", timeout: "10s" });
const concurrency = 50;

function storing(to: Jobs): (Relay | Ingress)[] {
  return [createRelay({ to, keys, path: "/relay" }), createIngress({ to, keys })];
}

async function endpoints(): Promise<(Receiver | Relay | Ingress)[]> {
  const jobs = await connect("memory:", { log: "off" });
  return [createReceiver({ jobs: [handlerFor(work, () => {})], keys, concurrency, log: "off" }), ...storing(jobs)];
}

async function byNode(): Promise<Server> {
  const listeners = (await endpoints()).map((endpoint) => nodeListener(endpoint));
  return createServer((request, response) => {
    const pass = (at: number): void => {
      const listener = listeners[at];
      if (listener) listener(request, response, () => pass(at + 1));
      else response.writeHead(404).end();
    };
    pass(0);
  });
}

async function byExpress(): Promise<Server> {
  const app = express();
  for (const endpoint of await endpoints()) app.use(waybill(endpoint));
  return createServer(app);
}

/** As adapters of frameworks that speak fetch do it. */
async function byFetch(): Promise<Server> {
  const all = await endpoints();
  return createServer((request, response) => void respond(request, response));

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "/", headers } = request;
    const endpoint = all.find(({ path }) => path === url);
    if (endpoint === undefined) return void response.writeHead(404).end();
    const fields = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
    const body = method === "GET" || method === "HEAD" ? null : (Readable.toWeb(request) as ReadableStream<Uint8Array>);
    const asked = new Request(`http://app${url}`, { method, headers: fields, body, duplex: "half" } as RequestInit);
    const result = await endpoint(asked, { peer: request.socket.remoteAddress ?? "unix" });
    response.writeHead(result.status, Object.fromEntries(result.headers)).end(await result.text());
  }
}

class Works {
  run(): void {}
}
JobHandler(work)(Works.prototype, "run", Object.getOwnPropertyDescriptor(Works.prototype, "run")!);

const app: DynamicModule = {
  module: Works,
  imports: [
    WaybillModule.forRoot({ url: "memory:", log: "off", push: { keys, concurrency }, endpoints: storing }),
    WaybillModule.forFeature([work]),
  ],
  providers: [Works],
};

async function byNest(): Promise<Server> {
  const nest = await NestFactory.create(app, { logger: ["error", "fatal"] });
  nest.enableShutdownHooks();
  await nest.init();
  return nest.getHttpServer() as Server;
}

const servers: Readonly<Record<string, () => Promise<Server>>> = {
  node: byNode,
  Express: byExpress,
  fetch: byFetch,
  Nest: byNest,
};
const server = await servers[transport]!();
await once(server.listen(0, "127.0.0.1"), "listening");
process.send?.({ port: (server.address() as AddressInfo).port });
process.once("disconnect", () => process.exit(0));
