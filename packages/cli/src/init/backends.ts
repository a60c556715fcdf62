import { UsageError } from "../exit.ts";

/** A backend that a project can use. */
export interface BackendChoice {
  /** The package, without its scope. */
  readonly name: string;
  /** The default URL: on this machine, at the usual port. */
  readonly url: string;
  /** Client libraries that the package needs, in the versions that it is tested with. */
  readonly clients: Readonly<Record<string, string>>;
  /** What the user has to provide; null if nothing. */
  readonly needs: string | null;
}

const BACKENDS: readonly BackendChoice[] = [
  { name: "sqlite", url: "sqlite:./waybill.db", clients: {}, needs: null },
  {
    name: "postgres",
    url: "postgres://postgres@127.0.0.1:5432/postgres",
    clients: { pg: "^8.16.0" },
    needs: "a PostgreSQL server",
  },
  {
    name: "bullmq",
    url: "redis://127.0.0.1:6379",
    clients: { bullmq: "~6.7.0", ioredis: "^6.0.0" },
    needs: "a Redis server",
  },
  {
    name: "rabbitmq",
    url: "amqp://guest:guest@127.0.0.1:5672",
    clients: { amqplib: "2.3.1" },
    needs: "a RabbitMQ server",
  },
  {
    name: "sqs",
    url: "sqs://eu-west-1/app",
    clients: { "@aws-sdk/client-sqs": "3.1169.0" },
    needs: "AWS credentials, or an SQS emulator",
  },
];

const SCHEMES: Readonly<Record<string, string>> = {
  sqlite: "sqlite",
  postgres: "postgres",
  postgresql: "postgres",
  redis: "bullmq",
  rediss: "bullmq",
  amqp: "rabbitmq",
  amqps: "rabbitmq",
  sqs: "sqs",
};

const NAMES = BACKENDS.map(({ name }) => name).join(", ");

/** Finds a backend by its name or by a URL. Throws `UsageError`, which omits the URL: it may contain a password. */
export function backendBy(text: string): BackendChoice {
  const [, scheme] = /^([a-z]+):/i.exec(text) ?? [];
  const name = scheme === undefined ? text : SCHEMES[scheme.toLowerCase()];
  const found = BACKENDS.find((backend) => backend.name === name);
  if (found !== undefined) return found;
  const given = scheme === undefined ? `"${text}"` : `a URL of "${scheme}:"`;
  throw new UsageError(`--backend is ${given}: write one of ${NAMES}, or the URL of one`);
}
