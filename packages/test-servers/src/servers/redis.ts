import type { ServerTls } from "../certificates.ts";
import { responds } from "../process/responds.ts";
import { makeDataFolder } from "../process/data-folder.ts";
import { freePort } from "../process/free-port.ts";
import { startProcess } from "../process/server-process.ts";
import type { TestServer } from "../process/test-server.ts";

export interface RedisOptions {
  /** 0 or absent: a free one. */
  readonly port?: number;
  /** "always": each write is on the disk before the reply. "everysec": within a second (default). "no": without AOF. */
  readonly appendfsync?: "always" | "everysec" | "no";
  readonly password?: string;
  /** Where the folder of its data is made, such as a small disk. Default: the system's temporary folder. */
  readonly parent?: string;
  /** TLS on a port of its own, beside the one without. */
  readonly tls?: ServerTls;
  /** Whether it is a node of a cluster, with a bus port of its own choice. Default: false. */
  readonly cluster?: boolean;
  /** Further arguments of redis-server, e.g. `["--maxmemory", "3mb"]`. */
  readonly args?: readonly string[];
}

export interface RedisServer extends TestServer {
  /** Where it writes. */
  readonly folder: string;
  /** `rediss:` by the name "localhost"; "" without the option `tls`. */
  readonly tlsUrl: string;
}

/** Redis with an append-only file, no snapshots. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { appendfsync = "everysec", password, tls, cluster = false, args = [] } = options;
  const tlsPort = tls === undefined ? 0 : await freePort();
  const port = options.port || (await freePort());
  const folder = makeDataFolder("redis", "redis", options.parent);
  const aof = appendfsync === "no" ? ["--appendonly", "no"] : ["--appendonly", "yes", "--appendfsync", appendfsync];
  const secret = password === undefined ? [] : ["--requirepass", password];
  const encrypted = tls === undefined ? [] : tlsArguments(tls, tlsPort);
  const server = await startProcess({
    name: "redis",
    url: `redis://${password === undefined ? "" : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    port,
    folder,
    user: "redis",
    command: "redis-server",
    args: [
      "--port",
      `${port}`,
      "--bind",
      "127.0.0.1",
      "--dir",
      folder,
      "--save",
      "",
      ...aof,
      ...secret,
      ...encrypted,
      ...(cluster ? await clusterArguments() : []),
      ...args,
    ],
    isReady: () => isRedis(port),
  });
  return Object.assign(server, { folder, tlsUrl: tls === undefined ? "" : `rediss://localhost:${tlsPort}` });
}

function tlsArguments({ ca, cert, key, asksClients = false }: ServerTls, port: number): string[] {
  const files = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", ca];
  return ["--tls-port", `${port}`, ...files, "--tls-auth-clients", asksClients ? "yes" : "no"];
}

/** By default the bus has the port 10,000 above: it may be a port that an outgoing connection has. */
async function clusterArguments(): Promise<string[]> {
  return ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1", "--cluster-port", `${await freePort()}`];
}

/** Whether a Redis is ready there. One that still reads its file responds LOADING; one with a password responds NOAUTH. */
export const isRedis = (port: number): Promise<boolean> => responds(port, "PING\r\n", /^(\+PONG|-NOAUTH)/);
