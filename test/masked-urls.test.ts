import { inspect } from "node:util";
import { connect, migrate, toError } from "@waybill/core";
import { maskUrl } from "@waybill/core/backend";
import { sendOverHttp } from "@waybill/http";
import { fromUrl as redis } from "@waybill/bullmq";
import { fromUrl as postgres } from "@waybill/postgres";
import { fromUrl as rabbit } from "@waybill/rabbitmq";
import { fromUrl as sqs } from "@waybill/sqs";
import { afterEach, expect, test, vi } from "vitest";
import { serviceUrl, startRedis } from "@waybill/test-servers";
import { run } from "../packages/cli/src/program.ts";

/** Either half of the password in a text is a leak: it may have been cut in two. */
const HALVES = ["Zq7LEFTxW", "Kv3RIGHTy"] as const;
const isLeaked = (text: string): boolean => HALVES.some((half) => text.includes(half));

/** Characters that a password has and a URL takes for something else. */
const MIDDLES = ["", "#", "/", "@", "?", ":", "%", "&", "=", ",", " ", "\n", "\\", '"', "'", "[", "]", ";", "%2F", "€"];
const SCHEMES = ["redis", "rediss", "amqp", "amqps", "postgres", "postgresql", "sqs", "http", "mysql"];
const PLACES = ["127.0.0.1:1/0", "127.0.0.1:1/db?schema=a", "[::1]:1/0", "127.0.0.1", "a.test:1,b.test:2/db", ""];

/** What a person or a template does to a URL with a password in it. */
const FAULTS: readonly ((url: string) => string)[] = [
  (url) => url,
  (url) => `"${url}"`,
  (url) => `'${url}`,
  (url) => `${url}"`,
  (url) => ` ${url} `,
  (url) => `${url}\n`,
  (url) => `\t${url}\r\n`,
  (url) => url.replace("://", "//"),
  (url) => url.replace("://", ":/"),
  (url) => url.replace("://", ":"),
  (url) => url.replace("://", ":///"),
  (url) => url.replace("://", "; //"),
  (url) => url.replace("://", ":\\\\"),
  (url) => url.replace("://", "://@"),
  (url) => url.toUpperCase().replace(HALVES[0].toUpperCase(), HALVES[0]).replace(HALVES[1].toUpperCase(), HALVES[1]),
  (url) => `WAYBILL_URL=${url}`,
  (url) => `url: ${url}`,
  (url) => `<${url}>`,
  (url) => `${url},${url}`,
  (url) => `${url} ${url}`,
  (url) => `redis://a.test,${url}`,
  (url) => `${url}#${HALVES[0]}`,
  (url) => url.replace(/^[a-z]+:\/\//i, ""),
  (url) => url.replace(/^[a-z]+/i, ""),
  (url) => encodeURIComponent(url),
  (url) => `${url}\u0000`,
  (url) => `\uFEFF${url}`,
];

function* hostileUrls(): Generator<string> {
  for (const scheme of SCHEMES) {
    for (const middle of MIDDLES) {
      const secret = `${HALVES[0]}${middle}${HALVES[1]}`;
      const heads = [`${scheme}://me:${secret}@`, `${scheme}://:${secret}@`, `${scheme}://${secret}:x@`];
      for (const fault of FAULTS) {
        for (const head of heads) for (const place of PLACES) yield fault(`${head}${place}`);
        for (const name of ["password", "sslpassword", "secretAccessKey", "auth_token"]) {
          yield fault(`${scheme}://127.0.0.1:1/db?${name}=${secret}`);
          yield fault(`${scheme}://127.0.0.1:1/db?${name}=${secret}&sslmode=require`);
        }
        yield fault(
          `${scheme}://127.0.0.1:1/db?listen=${encodeURIComponent(`${scheme}://me:${secret}@127.0.0.1:1/db`)}`,
        );
        yield fault(`sqs://eu-west-1/shop?endpoint=${scheme}://me:${secret}@127.0.0.1:1`);
      }
    }
  }
}

/** Everything a log of an error shows: its causes and whatever hangs on them. */
const whole = (thrown: unknown): string =>
  `${toError(thrown).message}\n${inspect(thrown, { depth: 9, showHidden: true })}`;

afterEach(() => vi.restoreAllMocks());

test("no masked URL shows either half of its password, however it is malformed", () => {
  const leaks: string[] = [];
  let tried = 0;
  for (const url of hostileUrls()) {
    tried += 1;
    if (isLeaked(maskUrl(url))) leaks.push(`${url} -> ${maskUrl(url)}`);
  }
  expect(tried).toBeGreaterThan(100_000);
  expect(leaks.slice(0, 20)).toEqual([]);
});

test("no backend's refusal of a URL shows the password, nor does anything that hangs on the error", async () => {
  const leaks: string[] = [];
  const note = (url: string, thrown: unknown): void => {
    if (isLeaked(whole(thrown))) leaks.push(`${url} -> ${toError(thrown).message}`);
  };
  let at = 0;
  for (const url of hostileUrls()) {
    at += 1;
    // Some of each kind: 29 has no divisor in common with the lists above.
    if (at % 29 !== 0) continue;
    for (const fromUrl of [redis, postgres, rabbit, sqs]) {
      try {
        fromUrl(url);
      } catch (thrown) {
        note(url, thrown);
      }
    }
    try {
      sendOverHttp({ to: url, keys: [] } as never);
    } catch (thrown) {
      note(url, thrown);
    }
  }
  expect(leaks.slice(0, 20)).toEqual([]);
});

test("neither connect nor migrate, nor a command of the CLI, shows the password of a URL that fails", async () => {
  let printed = "";
  const write = (chunk: unknown): boolean => {
    printed += String(chunk);
    return true;
  };
  const leaks: string[] = [];
  const urls = [...hostileUrls()].filter((url, at) => at % 1_201 === 0 && !/a\.test|::1/.test(url));
  for (const url of urls) {
    for (const attempt of [() => connect(url), () => migrate(url)]) {
      const thrown: unknown = await attempt().then(
        () => new Error(`${url} was taken`),
        (error: unknown) => error,
      );
      if (isLeaked(whole(thrown)) && !toError(thrown).message.endsWith("was taken"))
        leaks.push(`${url} -> ${whole(thrown)}`);
    }
    vi.spyOn(process.stdout, "write").mockImplementation(write as never);
    vi.spyOn(process.stderr, "write").mockImplementation(write as never);
    vi.stubEnv("WAYBILL_DEBUG", "1");
    await run(["queues", "--url", url]);
    await run(["queues", "--json", "--url", url]);
    await run([url]);
    await run(["queues", "--limit", url]);
    await run(["push", "--to", url, "--url", "memory:"]);
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    if (isLeaked(printed)) leaks.push(`${url} -> ${printed}`);
    printed = "";
  }
  expect(urls.length).toBeGreaterThan(50);
  expect(leaks.slice(0, 10)).toEqual([]);
});

test("a server that refuses the login hangs no password on its error", async () => {
  const server = await startRedis({ password: "another" });
  const urls = [server.url.replace("another", HALVES[0])];
  for (const name of ["postgres", "rabbitmq"] as const) {
    urls.push((await serviceUrl(name)).replace(/:[^:@/]*@/, `:${HALVES[0]}@`));
  }
  for (const url of urls) {
    const thrown: unknown = await connect(url, { log: "off" }).catch((error: unknown) => error);
    expect(whole(thrown)).toContain("refuse");
    expect(whole(thrown)).not.toContain(HALVES[0]);
  }
  await server.stop();
});

test.each([
  ['"redis://h:6379/0"', "it has quotes around it; remove them"],
  ["redis//me:secret@h", 'it does not begin with "redis://"'],
  ["postgres:/h/db", 'it does not begin with "postgres://"'],
  ["WAYBILL_URL=redis://h", "it begins with the name of a variable"],
  ["redis://me:se cret@h", "it has white space or a control character in it"],
  ["redis://me:x@one,redis://me:x@two", "it has more than one URL in it"],
])("%s is refused with what is wrong with it", async (url, text) => {
  await expect(connect(url)).rejects.toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining(text) });
});

test.each(["postgres:///shop?host=/nowhere", "postgresql:///shop?schema=a&host=/nowhere"])(
  "a database behind a socket has no host in its URL: %s",
  async (url) => {
    await expect(connect(url, { log: "off" })).rejects.toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      message: expect.stringContaining("ENOENT /nowhere/.s.PGSQL.5432"),
    });
  },
);

test("a line break at the end, as in a file of secrets, is no part of the URL", async () => {
  const jobs = await connect("memory:\n", { log: "off" });
  expect(jobs.backend.name).toBe("memory");
  await jobs.close();
});
