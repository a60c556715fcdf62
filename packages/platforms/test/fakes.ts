import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "vitest";

type Respond = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A server on loopback that plays a service of AWS for one test. */
export async function fakeServer({ onTestFinished }: TestContext, respond: Respond): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => respond(request, response, Buffer.concat(chunks).toString()));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export interface FakeMetadata {
  readonly url: string;
  /** Items by path; one that is missing is 404, as documented for `spot/instance-action` and the Auto Scaling state. */
  readonly items: Map<string, string>;
  readonly tokens: { granted: number; valid: string };
  readonly paths: string[];
  /** Responds in place of the service. */
  misbehave: Respond | null;
}

/**
 * The instance metadata service, version 2: PUT /latest/api/token with the header of its lifetime; GET with the token, else 401.
 * As documented in the EC2 user guide, "Use the Instance Metadata Service to access instance metadata".
 */
export async function fakeMetadata(t: TestContext, items: Record<string, string> = {}): Promise<FakeMetadata> {
  const fake = {
    items: new Map(Object.entries({ "instance-id": "i-0123456789abcdef0", "placement/region": "eu-west-1", ...items })),
    tokens: { granted: 0, valid: "" },
    paths: [] as string[],
    misbehave: null as Respond | null,
  };
  const url = await fakeServer(t, (request, response, body) => {
    if (fake.misbehave !== null) return fake.misbehave(request, response, body);
    if (request.url === "/latest/api/token") {
      const seconds = Number(request.headers["x-aws-ec2-metadata-token-ttl-seconds"]);
      if (request.method !== "PUT" || !(seconds >= 1 && seconds <= 21_600)) return void response.writeHead(400).end();
      fake.tokens.granted += 1;
      fake.tokens.valid = `token-${fake.tokens.granted}==`;
      return void response.end(fake.tokens.valid);
    }
    if (request.method !== "GET" || request.headers["x-aws-ec2-metadata-token"] !== fake.tokens.valid)
      return void response.writeHead(401).end();
    const path = (request.url ?? "").replace("/latest/meta-data/", "");
    fake.paths.push(path);
    const item = fake.items.get(path);
    return void (item === undefined ? response.writeHead(404).end("<html>Not Found</html>") : response.end(item));
  });
  return Object.assign(fake, { url });
}

export interface Call {
  readonly action: string;
  readonly parameters: URLSearchParams;
  readonly at: number;
}

export interface FakeAutoScaling {
  readonly url: string;
  readonly calls: Call[];
  /** Actions that are refused with AccessDenied. */
  readonly denied: Set<string>;
  of(action: string): Call[];
}

/** EC2 Auto Scaling's query API of 2011-01-01, with one group and one hook; shapes as in its API reference. */
export async function fakeAutoScaling(t: TestContext, heartbeatSeconds: number): Promise<FakeAutoScaling> {
  const calls: Call[] = [];
  const denied = new Set<string>();
  const results: Readonly<Record<string, string>> = {
    DescribeAutoScalingInstances:
      "<AutoScalingInstances><member><InstanceId>i-0123456789abcdef0</InstanceId>" +
      "<AutoScalingGroupName>workers</AutoScalingGroupName></member></AutoScalingInstances>",
    DescribeLifecycleHooks:
      "<LifecycleHooks><member><LifecycleHookName>drain</LifecycleHookName><AutoScalingGroupName>workers</AutoScalingGroupName>" +
      "<LifecycleTransition>autoscaling:EC2_INSTANCE_TERMINATING</LifecycleTransition>" +
      `<HeartbeatTimeout>${heartbeatSeconds}</HeartbeatTimeout></member></LifecycleHooks>`,
  };
  const url = await fakeServer(t, (_, response, body) => {
    const parameters = new URLSearchParams(body);
    const action = parameters.get("Action") ?? "";
    calls.push({ action, parameters, at: performance.now() });
    response.setHeader("content-type", "text/xml");
    if (denied.has(action)) {
      const error = "<Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to perform it</Message>";
      return void response.writeHead(403).end(`<ErrorResponse><Error>${error}</Error></ErrorResponse>`);
    }
    const hooks = action === "DescribeLifecycleHooks" && parameters.get("LifecycleHookNames.member.1") !== "drain";
    const result = hooks ? "<LifecycleHooks/>" : (results[action] ?? "");
    response.end(
      `<${action}Response xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><${action}Result>${result}</${action}Result>` +
        `<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></${action}Response>`,
    );
  });
  return { url, calls, denied, of: (action) => calls.filter((call) => call.action === action) };
}

export interface FakeAgent {
  readonly url: string;
  readonly requests: { readonly path: string; readonly body: unknown }[];
  /** What the next requests get in place of a confirmation. */
  reply: { readonly status: number; readonly body: string } | null;
}

/** The ECS agent's endpoint of task scale-in protection, as documented in the ECS developer guide. */
export async function fakeAgent(t: TestContext): Promise<FakeAgent> {
  const fake = { requests: [] as FakeAgent["requests"], reply: null as FakeAgent["reply"] };
  const url = await fakeServer(t, (request, response, body) => {
    const asked = JSON.parse(body) as { ProtectionEnabled: boolean };
    fake.requests.push({ path: `${request.method} ${request.url}`, body: asked });
    if (fake.reply !== null) return void response.writeHead(fake.reply.status).end(fake.reply.body);
    const protection = { ProtectionEnabled: asked.ProtectionEnabled, TaskArn: "arn:aws:ecs:eu-west-1:1:task/c/t" };
    return void response.end(JSON.stringify({ protection }));
  });
  return Object.assign(fake, { url: `${url}/api/0123` });
}
