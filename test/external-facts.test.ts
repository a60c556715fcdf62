import { describe, expect, test } from "vitest";
import { pages } from "./code-blocks/blocks.ts";
import { read } from "./workspace.ts";

/** Paragraphs, list items and rows of a page, without code. */
function partsOf(page: string): string[] {
  const prose = read(page).replaceAll(/```[\s\S]*?```/g, "");
  return prose.split(/\n\s*\n|\n(?=\||- |\d+\. )/);
}

const parts = pages.flatMap((page) => partsOf(page).map((text) => ({ page, text })));
const LINK = /\]\(https:\/\/[^)]+\)/;
const DATE = /\b[Cc]hecked (\d{4})-(\d{2})\b/;
const dated = parts.filter(({ text }) => DATE.test(text));

/** Facts of others that readers plan with: each part of a page that has one. */
const PRICE = /\$\d/;
const LIMITS: Readonly<Record<string, RegExp>> = {
  "docs/deploying.md": /^\| (Kubernetes|ECS|Docker|systemd|EC2)/,
  "docs/push.md": /Cloud Tasks\]?\S* waits 10 minutes/,
  "packages/sqs/README.md": /quotas of SQS/,
  "packages/rabbitmq/README.md": /30 minutes by default \(/,
  "packages/postgres/README.md": /default 100/,
  "packages/bullmq/README.md": /volatile-lru|everysec/,
};

describe("facts of others", () => {
  test("have a date that is past, and a source", () => {
    expect(dated.length).toBeGreaterThanOrEqual(6);
    const now = new Date().toISOString().slice(0, 7);
    const dates = dated.map(({ text }) => DATE.exec(text)?.slice(1).join("-") ?? "");
    expect(dates.filter((date) => date > now || !/^\d{4}-(0[1-9]|1[0-2])$/.test(date))).toEqual([]);
    const bare = dated.filter(({ page, text }) => !LINK.test(text) && !Object.hasOwn(LIMITS, page));
    expect(bare).toEqual([]);
  });

  test("that are prices have both in their paragraph", () => {
    const prices = parts.filter(({ text }) => PRICE.test(text.replaceAll(/`[^`]*`/g, "")));
    expect(prices.length).toBeGreaterThan(0);
    expect(prices.filter(({ text }) => !LINK.test(text) || !DATE.test(text))).toEqual([]);
  });

  test.each(Object.entries(LIMITS))("that are limits have a source on %s, and the page a date", (page, limit) => {
    const found = partsOf(page).filter((text) => limit.test(text));
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter((text) => !LINK.test(text))).toEqual([]);
    expect(read(page)).toMatch(DATE);
  });
});
