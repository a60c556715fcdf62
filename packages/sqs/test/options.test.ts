import { isWaybillError } from "@waybill/core";
import { describe, expect, test } from "vitest";
import { fromUrl, sqsBackend } from "../src/index.ts";
import { settingsOf } from "../src/options.ts";
import { optionsFromUrl } from "../src/url.ts";

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    if (isWaybillError(thrown, "CONFIG_INVALID")) return thrown.message;
    throw thrown;
  }
  throw new Error("nothing was refused");
}

describe("an sqs URL", () => {
  test.each([
    ["sqs://eu-west-1/shop", { region: "eu-west-1", prefix: "shop" }],
    ["sqs://us-gov-west-1", { region: "us-gov-west-1" }],
    [
      "sqs://eu-west-1/shop?fifo=true&create=false&queues=default,mail.bulk&pollSeconds=20&md5=false",
      {
        region: "eu-west-1",
        prefix: "shop",
        fifo: true,
        create: false,
        md5: false,
        queues: ["default", "mail.bulk"],
        pollSeconds: 20,
      },
    ],
    [
      "sqs://us-east-1/shop?endpoint=http://127.0.0.1:4566",
      { region: "us-east-1", prefix: "shop", endpoint: "http://127.0.0.1:4566" },
    ],
  ])("%s is parsed", (url, options) => {
    expect(optionsFromUrl(url)).toEqual(options);
  });

  test.each([
    [
      "sqs://sqs.eu-west-2.amazonaws.com/123456789012/shop",
      "write the region, and the prefix of the queues' names: sqs://eu-west-2/shop",
    ],
    ["sqs://127.0.0.1:4566/shop", "sqs://eu-west-1/shop?endpoint=http://127.0.0.1:4566"],
    ["sqs://eu-west-1/shop/default", "has more than a prefix in its path"],
    ["sqs:///shop", "has no region"],
    ["sqs:shop", "write it as sqs://eu-west-1/shop"],
    ["sqs://eu-west-1/shop?visibility=30", "known are: endpoint"],
    ["sqs://eu-west-1/shop?fifo=yes", "write true or false"],
    ["sqs://eu-west-1/shop?fifo=true&fifo=false", "twice"],
    ["sqs://eu-west-1/shop?pollSeconds=60", "from 1 to 20"],
    ["sqs://eu-west-1/shop?pollSeconds=soon", "write a whole number"],
    ["sqs://eu-west-1/shop?endpoint=127.0.0.1:4566", "http://127.0.0.1:4566"],
    ["sqs://eu-west-1/shop?queues=Mail", "lower-case"],
    ["sqs://eu-west-1/sh.op", "prefix"],
    ["sqs://eu-west-1/%zz", "not an escape"],
    ["sqs://eu-west-1/shop#default", "fragment"],
  ])("%s is refused with what to do: %s", (url, remedy) => {
    expect(refusal(() => fromUrl(url))).toContain(remedy);
  });

  test("that has a secret is refused without repeating it", () => {
    const text = refusal(() => fromUrl("sqs://AKIA1:s3cret@eu-west-1/shop"));
    expect(text).toContain("AWS_ACCESS_KEY_ID");
    expect(text).not.toContain("s3cret");
    expect(refusal(() => fromUrl("sqs://eu-west-1/shop?endpoint=http://u:s3cret@h"))).not.toContain("s3cret");
  });
});

test("by default queues are created only with an endpoint", () => {
  const place = { region: "eu-west-1", prefix: "shop" };
  const endpoint = "http://127.0.0.1:4566";
  expect(settingsOf(place).create).toBe(false);
  expect(settingsOf({ ...place, endpoint }).create).toBe(true);
  expect(settingsOf({ ...place, endpoint, create: false }).create).toBe(false);
});

describe("R10: attributes for other tools", () => {
  const attributed = (attributes: Record<string, string>) => () =>
    sqsBackend({ region: "eu-west-1", prefix: "shop", attributes });

  test.each([
    ["a_b", "x", "letters, digits and hyphens"],
    ["a.b", "x", "letters, digits and hyphens"],
    ["", "x", "letters, digits and hyphens"],
    ["AWS-Trace", "x", "AWS"],
    ["waybill-id", "x", "those of waybill"],
    ["origin", "", "is empty"],
    ["origin", "\u0000", "characters that SQS refuses"],
  ])("%j: %j is refused: %s", (name, value, why) => {
    expect(refusal(attributed({ [name]: value }))).toContain(why);
  });

  test("more than 3 are refused", () => {
    expect(refusal(attributed({ a: "1", b: "2", c: "3", d: "4" }))).toContain("3 are free");
    expect(attributed({ a: "1", b: "2", "c-3": "ü" })).not.toThrow();
  });
});
