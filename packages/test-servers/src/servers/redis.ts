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
  /** Further arguments of redis-server, e.g. `["--maxmemory", "3mb"]`. */
  readonly args?: readonly string[];
}

/** Redis with an append-only file, no snapshots. `folder` is where it writes. */
export async function startRedis(options: RedisOptions = {}): Promise<TestServer & { readonly folder: string }> {
  const { appendfsync = "everysec", password, args = [] } = options;
  const port = options.port || (await freePort());
  const folder = makeDataFolder("redis", "redis");
  const aof = appendfsync === "no" ? ["--appendonly", "no"] : ["--appendonly", "yes", "--appendfsync", appendfsync];
  const secret = password === undefined ? [] : ["--requirepass", password];
  const server = await startProcess({
    name: "redis",
    url: `redis://${password === undefined ? "" : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    port,
    folder,
    user: "redis",
    command: "redis-server",
    args: ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", "", ...aof, ...secret, ...args],
    isReady: () => isRedis(port),
  });
  return Object.assign(server, { folder });
}

/** Whether a Redis is ready there. One that still reads its file responds LOADING; one with a password responds NOAUTH. */
export const isRedis = (port: number): Promise<boolean> => responds(port, "PING\r\n", /^(\+PONG|-NOAUTH)/);
