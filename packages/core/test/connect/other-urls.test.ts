import { expect, test } from "vitest";
import { connect } from "../../src/index.ts";

test.each<[url: string, says: string]>([
  [
    "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-default",
    'that is one queue of SQS. Write the region and what the names of the queues begin with: sqs://eu-west-1/shop, whose jobs name a queue such as "default" in "shop-default"',
  ],
  ["https://sqs.eu-west-1.amazonaws.com/123456789012/shop-mail.fifo", "sqs://eu-west-1/shop?fifo=true, whose"],
  ["https://eu-west-1.queue.amazonaws.com/123456789012/shop-default", "sqs://eu-west-1/shop, whose"],
  ["arn:aws:sqs:us-east-2:123456789012:my-shop-default", "sqs://us-east-2/my-shop, whose"],
  [
    "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/shop-default",
    "sqs://us-east-1/shop?endpoint=http://sqs.us-east-1.localhost.localstack.cloud:4566, whose",
  ],
  ["http://localhost:4566/000000000000/shop-default", "sqs://eu-west-1/shop?endpoint=http://localhost:4566, whose"],
  ["https://eu1-x.upstash.io", "rediss://default:PASSWORD@HOST:6379"],
  ["prisma+postgres://accelerate.prisma-data.net/?api_key=hunter2", "that is Prisma's proxy"],
  [
    "jdbc:postgresql://h:5432/shop?user=me&password=hunter2",
    'remove "jdbc:", and write user and password before the host',
  ],
  ["postgresql+psycopg2://me:hunter2@h/shop", 'leave out the driver: write "postgresql:"'],
  ["pg://me:hunter2@h/shop", 'write "postgres://"'],
  ["valkey://h:6379", 'write "redis://"'],
  ["valkeys://:hunter2@h:6379", 'write "rediss://"'],
  ["redis+sentinel://:hunter2@h:26379/mymaster", "hand in an ioredis client"],
  ["unix:///run/redis.sock", "hand in an ioredis client"],
  ["rabbitmq://me:hunter2@h", 'write "amqp://"'],
  ["file:./dev.db", "a file is written sqlite:./dev.db"],
  ["file:./dev.db?connection_limit=1", "a file is written sqlite:./dev.db"],
  ["file:///srv/jobs.db", "a file is written sqlite:///srv/jobs.db"],
  ["C:\\data\\jobs.db", "a file is written sqlite:C:\\data\\jobs.db"],
  ["./jobs.db", "a file is written sqlite:./jobs.db"],
  ["/srv/jobs", "a file is written sqlite:/srv/jobs"],
  ["jobs.sqlite", "a file is written sqlite:jobs.sqlite"],
  ["sqlite3:./jobs.db", "write sqlite:./jobs.db"],
  ["localhost:6379", 'begin it with "redis://"'],
  ["db.internal:5432/shop", 'begin it with "postgres://"'],
  ["broker:5672", 'begin it with "amqp://"'],
])("%s: the error says what to write, and no secret", async (url, says) => {
  const refusal = connect(url);
  await expect(refusal).rejects.toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining(says) });
  await expect(refusal).rejects.not.toThrow(/hunter2/);
});
