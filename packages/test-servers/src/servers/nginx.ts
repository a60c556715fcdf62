import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServerTls } from "../certificates.ts";
import { responds } from "../process/responds.ts";
import { isRoot, makeDataFolder } from "../process/data-folder.ts";
import { freePort } from "../process/free-port.ts";
import { startProcess } from "../process/server-process.ts";
import type { TestServer } from "../process/test-server.ts";

export interface NginxOptions {
  /** The application behind it, as `proxy_pass` writes it: "http://127.0.0.1:8080", "http://unix:/run/app.sock". */
  readonly upstream: string;
  /** Further lines of the `location`, such as "proxy_read_timeout 2s". Absent: none, all settings are nginx's own. */
  readonly directives?: readonly string[];
  /** `https:` instead of `http:`. */
  readonly tls?: ServerTls;
  /** Of the access log, after the time. Default "$status $request". */
  readonly logFormat?: string;
}

export interface Nginx extends TestServer {
  /** Lines of the access log so far, as `logFormat` writes them. */
  readonly accessLog: () => readonly string[];
}

/** Debian's. The paths compiled into it would be those of the machine's own nginx. */
const PROGRAM = "/usr/sbin/nginx";

/** Starts nginx as a reverse proxy with its default settings, on a private port, with files of its own. */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const { upstream, directives = [], tls, logFormat = "$status $request" } = options;
  if (!existsSync(PROGRAM)) throw new Error(`there is no ${PROGRAM}; as root on Debian, run: npm run needs`);
  const port = await freePort();
  const folder = makeDataFolder("nginx", null);
  const log = join(folder, "access.log");
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const config = [
    // Otherwise its workers run as a user who may not read the folder.
    ...(isRoot() ? ["user root;"] : []),
    `pid ${join(folder, "nginx.pid")};`,
    "worker_processes 1;",
    "events {}",
    "http {",
    `  log_format test '${logFormat}';`,
    `  access_log ${log} test;`,
    ...kinds.map((kind) => `  ${kind}_temp_path ${join(folder, kind)};`),
    "  server {",
    `    listen 127.0.0.1:${port}${tls === undefined ? "" : " ssl"};`,
    ...(tls === undefined ? [] : tlsLines(tls)),
    "    location / {",
    `      proxy_pass ${upstream};`,
    ...directives.map((line) => `      ${line};`),
    "    }",
    "  }",
    "}",
  ];
  const file = join(folder, "nginx.conf");
  writeFileSync(file, `${config.join("\n")}\n`);
  const server = await startProcess({
    name: "nginx",
    url: tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    port,
    folder,
    user: null,
    command: PROGRAM,
    args: ["-p", folder, "-c", file, "-e", join(folder, "error.log"), "-g", "daemon off;"],
    isReady: () => responds(port),
  });
  const accessLog = (): readonly string[] =>
    readFileSync(log, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  return Object.assign(server, { accessLog });
}

function tlsLines({ ca, cert, key, asksClients = false }: ServerTls): string[] {
  const files = [`    ssl_certificate ${cert};`, `    ssl_certificate_key ${key};`];
  return asksClients ? [...files, `    ssl_client_certificate ${ca};`, "    ssl_verify_client on;"] : files;
}
