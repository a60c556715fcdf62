import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { answers } from "./answers.ts";
import { fauxqsUrl, startFauxqs } from "./fauxqs.ts";
import { startPgBouncer } from "./pgbouncer.ts";
import { canLogIn, isPostgres, postgresUrl, startPostgres } from "./postgres.ts";
import { isRabbit, startRabbit } from "./rabbitmq.ts";
import { isRedis, startRedis } from "./redis.ts";
import type { TestServer } from "./test-server.ts";

export type ServiceName = "redis" | "rabbitmq" | "postgres" | "pgbouncer" | "sqs";

export interface Service {
  /** Names a running one: whoever sets it decides, and nothing is started. */
  readonly variable: string;
  /** Where one listens when nobody moved it; compose.yaml and `npm run services` put it there too. */
  readonly usualPort: number;
  readonly url: (port: number) => string;
  readonly answersAt: (port: number) => Promise<boolean>;
  /** In compose.yaml; null: npm brings it along. */
  readonly container: string | null;
  /** What Debian 12 has and compose.yaml pulls: what the tests were run with. */
  readonly version: string;
  readonly debianPackages: readonly string[];
  /** What the Debian packages must have put on the machine. */
  readonly programs: readonly string[];
  /** A port of 0: any. `postgres` is what PgBouncer stands before; absent, it gets one of its own. */
  readonly start: (port: number, postgres?: { readonly port: number }) => Promise<TestServer>;
}

const POSTGRES_PROGRAMS = ["/usr/lib/postgresql", "psql"];

export const services: Readonly<Record<ServiceName, Service>> = {
  redis: {
    variable: "WAYBILL_TEST_REDIS_URL",
    usualPort: 6379,
    url: (port) => `redis://127.0.0.1:${port}`,
    answersAt: isRedis,
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
    answersAt: isRabbit,
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
    answersAt: async (port) => (await isPostgres(port)) && canLogIn(port),
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
    answersAt: async (port) => (await isPostgres(port)) && canLogIn(port),
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
    answersAt: (port) => answers(port),
    container: null,
    version: "2.4.1",
    debianPackages: [],
    programs: [],
    start: (port) => startFauxqs({ port }),
  },
};

export const serviceNames = Object.keys(services) as readonly ServiceName[];

/** With a PostgreSQL of its own behind it, which ends with it. */
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

/** The programs a service needs and this machine has not. */
export function missingPrograms(service: Service): string[] {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];
  const found = (name: string) =>
    name.startsWith("/") ? existsSync(name) : folders.some((folder) => existsSync(join(folder, name)));
  return ["setpriv", ...service.programs].filter((name) => !found(name));
}
