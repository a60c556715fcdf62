import { execFile, execFileSync } from "node:child_process";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ServerTls } from "../certificates.ts";
import { responds } from "../process/responds.ts";
import { isRoot, makeDataFolder } from "../process/data-folder.ts";
import { freePort } from "../process/free-port.ts";
import { startProcess } from "../process/server-process.ts";
import type { TestServer } from "../process/test-server.ts";

export interface PostgresOptions {
  /** 0 or absent: a free one. */
  readonly port?: number;
  /** Settings of postgresql.conf, e.g. `{ max_connections: "20" }`. fsync and synchronous_commit stay on. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where the folder of its data is made, such as a small disk. Default: the system's temporary folder. */
  readonly parent?: string;
  /** TLS on the same port. Other databases than "postgres" are then reached by TLS alone. Default: none. */
  readonly tls?: ServerTls;
}

/** User, password and database of every PostgreSQL started here. The user is a superuser. */
export const POSTGRES_LOGIN = "waybill";
const USER = "postgres";
const FOLDER_OF_VERSIONS = "/usr/lib/postgresql";

/** Starts the newest PostgreSQL of the machine, with a data directory of its own; passwords are checked. */
export async function startPostgres(options: PostgresOptions = {}): Promise<TestServer> {
  const port = options.port || (await freePort());
  const folder = makeDataFolder("postgres", USER, options.parent);
  const secret = join(folder, "password");
  const cluster = join(folder, "cluster");
  const initdb = [
    "-D",
    cluster,
    "-U",
    POSTGRES_LOGIN,
    "--pwfile",
    secret,
    "-A",
    "scram-sha-256",
    "-E",
    "UTF8",
    "--no-sync",
  ];
  writeFileSync(secret, `${POSTGRES_LOGIN}\n`, { mode: 0o644 });
  await run("initdb", [...initdb, "--locale=C"], folder);
  rmSync(secret);
  const settings = {
    port: `${port}`,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: folder,
    ...(options.tls !== undefined && tlsSettings(options.tls, folder)),
    ...options.settings,
  };
  const server = await startProcess({
    name: "postgres",
    url: postgresUrl(port),
    port,
    folder,
    user: USER,
    command: postgresProgram("postgres"),
    args: ["-D", cluster, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    // "Fast": open transactions are rolled back, and clients are disconnected.
    stopSignal: "SIGINT",
    isReady: async () => (await isPostgres(port)) && canLogIn(port, "postgres"),
  });
  runSql(port, "postgres", `create database ${POSTGRES_LOGIN}`);
  return server;
}

/** Without TLS is the database in which tests look whether the server is ready. */
function tlsSettings({ ca, cert, key, asksClients = false }: ServerTls, folder: string): Record<string, string> {
  const file = join(folder, "hba.conf");
  const client = asksClients ? " clientcert=verify-full" : "";
  const rules = ["host postgres all all scram-sha-256", `hostssl all all all scram-sha-256${client}`, ""];
  writeFileSync(file, rules.join("\n"), { mode: 0o644 });
  return { ssl: "on", ssl_cert_file: cert, ssl_key_file: key, ssl_ca_file: ca, hba_file: file };
}

export const postgresUrl = (port: number): string =>
  `postgres://${POSTGRES_LOGIN}:${POSTGRES_LOGIN}@127.0.0.1:${port}/${POSTGRES_LOGIN}`;

/** Whether a PostgreSQL, or a pooler of one, is ready there: it responds to a request for TLS with yes or no. */
export const isPostgres = (port: number): Promise<boolean> => responds(port, "\0\0\0\x08\x04\xd2\x16\x2f", /^[SN]$/);

/** Whether the user can log in. Also true where there is no psql to try it with. */
export function canLogIn(port: number, database: string = POSTGRES_LOGIN): boolean {
  try {
    runSql(port, database, "select 1");
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT";
  }
}

function runSql(port: number, database: string, sql: string): void {
  const target = ["-h", "127.0.0.1", "-p", `${port}`, "-U", POSTGRES_LOGIN, "-d", database];
  const env = { ...process.env, PGPASSWORD: POSTGRES_LOGIN, PGCONNECT_TIMEOUT: "5" };
  execFileSync("psql", ["-X", "-q", "-t", ...target, "-c", sql], { env, stdio: "pipe" });
}

async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  const change = isRoot() ? ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--init-groups", "--"] : [];
  const [command = "", ...rest] = [...change, postgresProgram(program), ...args];
  await promisify(execFile)(command, rest, { cwd });
}

/** Debian keeps each version's programs in a folder of its own, outside PATH. */
export function postgresProgram(name: string): string {
  const versions = readdirSync(FOLDER_OF_VERSIONS).sort((a, b) => Number(b) - Number(a));
  if (versions[0] === undefined) throw new Error(`no PostgreSQL in ${FOLDER_OF_VERSIONS}`);
  return join(FOLDER_OF_VERSIONS, versions[0], "bin", name);
}
