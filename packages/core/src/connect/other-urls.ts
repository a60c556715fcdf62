/** A pattern of URLs of other libraries, and what to write instead. The text repeats no part that may be a secret. */
type Other = readonly [pattern: RegExp, write: (parts: Readonly<Record<string, string>>) => string];

const queue = ({ region = "eu-west-1", name = "", endpoint }: Readonly<Record<string, string>>): string => {
  const bare = name.replace(/\.fifo$/, "");
  const prefix = bare.replace(/-[^-]*$/, "");
  const more = [name === bare ? "" : "fifo=true", endpoint ? `endpoint=${endpoint}` : ""].filter((part) => part !== "");
  const query = more.length > 0 ? `?${more.join("&")}` : "";
  return `that is one queue of SQS. Write the region and what the names of the queues begin with: sqs://${region}/${prefix}${query}, whose jobs name a queue such as "default" in "${prefix}-default"`;
};
const SENTINEL = "for Sentinel or a socket hand in an ioredis client: bullmqBackend({ client })";

const OTHERS: readonly Other[] = [
  [/^https?:\/\/sqs\.(?<region>[a-z\d-]+)\.amazonaws\.com(\.cn)?\/\d+\/(?<name>[\w.-]+)$/i, queue],
  [/^https?:\/\/(?<region>[a-z\d-]+)\.queue\.amazonaws\.com\/\d+\/(?<name>[\w.-]+)$/i, queue],
  [/^(?<endpoint>https?:\/\/sqs\.(?<region>[a-z\d-]+)\.[\w.-]+(:\d+)?)\/\d+\/(?<name>[\w.-]+)$/i, queue],
  [/^(?<endpoint>https?:\/\/[\w.-]+(:\d+)?)\/\d{12}\/(?<name>[\w.-]+)$/i, queue],
  [/^arn:aws[\w-]*:sqs:(?<region>[a-z\d-]+):\d+:(?<name>[\w.-]+)$/i, queue],
  [
    /^https:\/\/[\w-]+\.upstash\.io\b/i,
    () => "that is Upstash's address for HTTP; write the one for Redis clients: rediss://default:PASSWORD@HOST:6379",
  ],
  [/^prisma(\+postgres)?:/i, () => "that is Prisma's proxy, which takes no SQL; write the URL of the database itself"],
  [
    /^jdbc:(?<scheme>postgresql|sqlite):/i,
    ({ scheme = "" }) =>
      `remove "jdbc:"${scheme === "sqlite" ? "" : ", and write user and password before the host: postgresql://user:password@host:5432/database"}`,
  ],
  [/^(?<scheme>postgres|postgresql|sqlite)\+\w+:/i, ({ scheme = "" }) => `leave out the driver: write "${scheme}:"`],
  [/^(pg|pgsql|psql):/i, () => 'write "postgres://"'],
  [/^(valkey|redis\+tcp):/i, () => 'write "redis://"'],
  [/^(valkeys|redis\+(ssl|tls)):/i, () => 'write "rediss://"'],
  [/^(redis[+-])?(sentinel|socket|unix):/i, () => SENTINEL],
  [/^rabbitmq:/i, () => 'write "amqp://"'],
  [/^(amqp\+ssl|amqp\+tls):/i, () => 'write "amqps://"'],
  [/^sqlite3:(?<path>[^?#@]*)/i, ({ path = "" }) => `write sqlite:${path}`],
  [/^file:(?<path>[^?#@]+)/i, ({ path = "" }) => `a file is written sqlite:${path}`],
  [/^(?<path>[a-z]:[\\/][^?#@]*)/i, ({ path = "" }) => `a file is written sqlite:${path}`],
  [
    /^(?<path>(\.{0,2}[\\/]|[^:?#@]+\.(db|db3|sqlite|sqlite3)$)[^?#@]*)/i,
    ({ path = "" }) => `a file is written sqlite:${path}`,
  ],
  [/^[\w.-]+:6379\b/, () => 'begin it with "redis://"'],
  [/^[\w.-]+:(5432|6543)\b/, () => 'begin it with "postgres://"'],
  [/^[\w.-]+:567[12]\b/, () => 'begin it with "amqp://" or "amqps://"'],
];

/** Returns what to write instead of a URL of another library; null for an unknown one. */
export function insteadOf(url: string): string | null {
  for (const [pattern, write] of OTHERS) {
    const found = pattern.exec(url);
    if (found !== null) return write(found.groups ?? {});
  }
  return null;
}
