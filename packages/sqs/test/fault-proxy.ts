import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A call to SQS. */
export interface Call {
  readonly action: string;
  readonly input: { readonly [field: string]: unknown; readonly Entries?: { readonly Id: string }[] };
}

export interface Fault {
  readonly status: number;
  readonly body: object;
}

export interface FaultProxy {
  readonly url: string;
  /** Every call so far, oldest first. */
  readonly calls: Call[];
  /** Returns a response instead of SQS's, or null to forward the call. */
  before: (call: Call) => Fault | null | Promise<Fault | null>;
  /** Returns a successful response of SQS, changed or not. */
  after: (call: Call, output: Record<string, unknown>) => Record<string, unknown>;
  close(): Promise<void>;
}

/** Starts a proxy for faults that the emulator never has: refusals, throttling, partly failed batches. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const proxy: Omit<FaultProxy, "url"> = {
    calls: [],
    before: () => null,
    after: (_, output) => output,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await textOf(request);
    const action = String(request.headers["x-amz-target"]).replace("AmazonSQS.", "");
    const call: Call = { action, input: JSON.parse(text) as Call["input"] };
    proxy.calls.push(call);
    const fault = await proxy.before(call);
    if (fault !== null) {
      response.writeHead(fault.status, HEADERS).end(JSON.stringify(fault.body));
      return;
    }
    const { host: _, "content-length": __, connection: ___, ...headers } = request.headers;
    const forwarded = await fetch(target, { method: "POST", headers: headers as Record<string, string>, body: text });
    const output = (await forwarded.json()) as Record<string, unknown>;
    const changed = forwarded.ok ? proxy.after(call, output) : output;
    response.writeHead(forwarded.status, HEADERS).end(JSON.stringify(changed));
  }

  const server: Server = createServer((request, response) => {
    // The emulator has stopped, so the caller's connection ends as well.
    respond(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(proxy, { url: `http://127.0.0.1:${port}` });
}

const HEADERS = { "content-type": "application/x-amz-json-1.0" };

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
