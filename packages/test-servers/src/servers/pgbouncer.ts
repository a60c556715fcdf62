import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDataFolder } from "../process/data-folder.ts";
import { freePort } from "../process/free-port.ts";
import { isPostgres, POSTGRES_LOGIN, postgresUrl } from "./postgres.ts";
import { startProcess } from "../process/server-process.ts";
import type { TestServer } from "../process/test-server.ts";

export interface PgBouncerOptions {
  /** 0 or absent: a free one. */
  readonly port?: number;
  /** Connections to PostgreSQL. Absent: 10. */
  readonly poolSize?: number;
}

/** Starts PgBouncer in transaction mode before a PostgreSQL: each transaction may use another connection. */
export async function startPgBouncer(
  postgres: { readonly port: number },
  options: PgBouncerOptions = {},
): Promise<TestServer> {
  const port = options.port || (await freePort());
  const folder = makeDataFolder("pgbouncer", "postgres");
  const settings = [
    "[databases]",
    `* = host=127.0.0.1 port=${postgres.port}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "unix_socket_dir =",
    "pool_mode = transaction",
    `default_pool_size = ${options.poolSize ?? 10}`,
    "max_client_conn = 500",
    "auth_type = scram-sha-256",
    `auth_file = ${join(folder, "users.txt")}`,
    // node-postgres sends them at the start of every connection.
    "ignore_startup_parameters = extra_float_digits",
  ];
  writeFileSync(join(folder, "pgbouncer.ini"), `${settings.join("\n")}\n`);
  writeFileSync(join(folder, "users.txt"), `"${POSTGRES_LOGIN}" "${POSTGRES_LOGIN}"\n`);
  return startProcess({
    name: "pgbouncer",
    url: postgresUrl(port),
    port,
    folder,
    user: "postgres",
    command: "pgbouncer",
    args: [join(folder, "pgbouncer.ini")],
    // At SIGTERM it ends at once; at SIGINT it waits for clients.
    isReady: () => isPostgres(port),
  });
}
