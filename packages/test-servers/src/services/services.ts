import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { responds } from "../process/responds.ts";
import { fauxqsUrl, startFauxqs } from "../servers/fauxqs.ts";
import { startPgBouncer } from "../servers/pgbouncer.ts";
import { canLogIn, isPostgres, postgresUrl, startPostgres } from "../servers/postgres.ts";
import { isRabbit, startRabbit } from "../servers/rabbitmq.ts";
import { isRedis, startRedis } from "../servers/redis.ts";
import type { TestServer } from "../process/test-server.ts";

export type ServiceName = "redis" | "rabbitmq" | "postgres" | "pgbouncer" | "sqs";

export interface Service {
  /** The variable of the environment that names a running one. If it is set, no server is started. */
  readonly variable: string;
  /** The server's default port; compose.yaml and `npm run services` use it too. */
  readonly usualPort: number;
  readonly url: (port: number) => string;
  readonly respondsAt: (port: number) => Promise<boolean>;
  /** Its name in compose.yaml; null: it comes from npm. */
  readonly container: string | null;
  /** The version in Debian 12 and in compose.yaml, which the tests are run with. */
  readonly version: string;
  readonly debianPackages: readonly string[];
  /** Programs that the Debian packages install. */
  readonly programs: readonly string[];
  /** Starts one. Port 0: a free port. `postgres`: the server behind PgBouncer; absent: one of its own. */
  readonly start: (port: number, postgres?: { readonly port: number }) => Promise<TestServer>;
}

const POSTGRES_PROGRAMS = ["/usr/lib/postgresql", "psql"];

export const services: Readonly<Record<ServiceName, Service>> = {
  redis: {
    variable: "WAYBILL_TEST_REDIS_URL",
    usualPort: 6379,
    url: (port) => `redis://127.0.0.1:${port}`,
    respondsAt: isRedis,
    container: "redis",
    version: "7.0.15",
    debianPackages: ["redis-server"],
    programs: ["redis-server"],
    start: (port) => startRedis({ port }),
  },
  rabbitmq: {
    variable: "WAYBILL_TEST_RABBITMQ_URL",
    usualPort: 5672,
    url: (port) => `amqp://guest:guest@127.0.0.1:${port}`,
    respondsAt: isRabbit,
    container: "rabbitmq",
    version: "3.10.8",
    debianPackages: ["rabbitmq-server"],
    programs: ["/usr/lib/rabbitmq/bin/rabbitmq-server", "epmd"],
    start: (port) => startRabbit({ port }),
  },
  postgres: {
    variable: "WAYBILL_TEST_POSTGRES_URL",
    usualPort: 5432,
    url: postgresUrl,
    respondsAt: async (port) => (await isPostgres(port)) && canLogIn(port),
    container: "postgres",
    version: "15",
    debianPackages: ["postgresql"],
    programs: POSTGRES_PROGRAMS,
    start: (port) => startPostgres({ port }),
  },
  pgbouncer: {
    variable: "WAYBILL_TEST_PGBOUNCER_URL",
    usualPort: 6432,
    url: postgresUrl,
    respondsAt: async (port) => (await isPostgres(port)) && canLogIn(port),
    container: "pgbouncer",
    version: "1.18.0",
    debianPackages: ["pgbouncer", "postgresql"],
    programs: ["pgbouncer", ...POSTGRES_PROGRAMS],
    start: (port, postgres) => (postgres ? startPgBouncer(postgres, { port }) : startPgBouncerWithPostgres(port)),
  },
  sqs: {
    variable: "WAYBILL_TEST_SQS_URL",
    usualPort: 4566,
    url: fauxqsUrl,
    respondsAt: (port) => responds(port),
    container: null,
    version: "2.4.1",
    debianPackages: [],
    programs: [],
    start: (port) => startFauxqs({ port }),
  },
};

export const serviceNames = Object.keys(services) as readonly ServiceName[];

/** Starts PgBouncer before a PostgreSQL of its own, which stops with it. */
async function startPgBouncerWithPostgres(port: number): Promise<TestServer> {
  const postgres = await startPostgres();
  const bouncer = await startPgBouncer(postgres, { port });
  return {
    ...bouncer,
    get pid() {
      return bouncer.pid;
    },
    async stop() {
      await bouncer.stop();
      await postgres.stop();
    },
  };
}

/** The programs that a service needs and this machine does not have. */
export function missingPrograms(service: Service): string[] {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];
  const found = (name: string) =>
    name.startsWith("/") ? existsSync(name) : folders.some((folder) => existsSync(join(folder, name)));
  return ["setpriv", ...service.programs].filter((name) => !found(name));
}
