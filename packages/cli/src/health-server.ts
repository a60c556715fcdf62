import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Jobs, Worker } from "@waybill/core";
import { describeError } from "@waybill/core";
import { healthEndpoint, type HealthEndpoint, type JobMetrics, jobMetrics } from "@waybill/core/metrics";
import { drainRequests } from "./drain-requests.ts";
import { printNote } from "./output/print.ts";
import { isLoopback, isLoopbackName, LIMITS, listening, originOf } from "./serve.ts";

/** The port of a worker process for Prometheus and for probes. */
export interface HealthServer {
  /** Counts the jobs of this connection from now on. */
  measure(jobs: Jobs): void;
  /** Judges this worker. Before, `/ready` says that the process starts. */
  watch(worker: Worker): void;
  /** Lets a request to drain have its response first. */
  close(): Promise<void>;
}

const MOST_CONNECTIONS = 64;

/**
 * Serves `/metrics`, `/health` and `/ready`, and `POST /drain` if `drains`, from before the connection is opened until the worker has stopped. Prints the address
 * to stderr. Rejects `CommandError` if the port cannot be used.
 */
export async function serveHealth(at: {
  readonly host: string;
  readonly port: number;
  readonly drains: boolean;
}): Promise<HealthServer> {
  const workers: Worker[] = [];
  let counted: JobMetrics | null = null;
  const metrics = { prometheus: async () => (await counted?.prometheus()) ?? "" };
  const endpoint = healthEndpoint(workers, { metrics });
  // A page in a browser of this machine could name 127.0.0.1 by a host of its own and read what the port serves.
  const accepts = isLoopback(at.host) ? isLoopbackName : () => true;
  const drains = drainRequests(workers);
  const server = createServer(LIMITS, (request, response) => {
    if (at.drains && request.url === "/drain") void drains.respond(request, response);
    else void respond(endpoint, accepts, request, response);
  });
  server.maxConnections = MOST_CONNECTIONS;
  await listening(server, at, { host: "--metrics-host", port: "--metrics-port" });
  const paths = at.drains ? "/metrics, /health, /ready and POST /drain" : "/metrics, /health and /ready";
  printNote(`${paths} at ${originOf(server.address() as AddressInfo)}`);
  return {
    measure: (jobs) => void (counted = jobMetrics(jobs)),
    watch: (worker) => void workers.push(worker),
    async close() {
      endpoint.stop();
      counted?.stop();
      server.close();
      await drains.ended();
      server.closeAllConnections();
    },
  };
}

async function respond(
  endpoint: HealthEndpoint,
  accepts: (host: string) => boolean,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    if (!accepts(request.headers.host ?? "")) {
      response.writeHead(421, { "content-type": "text/plain" }).end("use 127.0.0.1 or localhost as the host\n");
      return;
    }
    const result = await endpoint.fetch(request);
    response.writeHead(result.status, Object.fromEntries(result.headers));
    response.end(await result.text());
  } catch (thrown) {
    response.destroy();
    printNote(`a request has no response: ${describeError(thrown)}`);
  }
}
