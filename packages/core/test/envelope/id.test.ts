import { expect, it } from "vitest";
import { newId } from "../../src/envelope/index.ts";

const VERSION_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

it("ids are version 7 in lower case, all different, and sort in the order they were made", () => {
  const ids = Array.from({ length: 100_000 }, () => newId());
  for (const id of ids) if (!VERSION_7.test(id)) expect(id).toMatch(VERSION_7);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.toSorted()).toEqual(ids);
});

it("an id carries the millisecond it was made in", () => {
  const before = Date.now() + 3_600_000;
  expect(timeOf(newId(before))).toBe(before);
});

it("ids keep their order when the clock is set back an hour, and when it stands still", () => {
  const now = Date.now() + 7_200_000;
  const ids = [newId(now), newId(now - 3_600_000), newId(now + 0.5), newId(now + 0.9)];
  for (let count = 0; count < 10_000; count++) ids.push(newId(now));
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  expect(timeOf(ids.at(-1)!)).toBeLessThan(now + 10);
});

it("the random part of ids made in one millisecond has no bit that is always the same", () => {
  const now = Date.now() + 10_800_000;
  const random = Array.from({ length: 500 }, () => BigInt(`0x${newId(now).slice(19).replaceAll("-", "")}`));
  const variant = 0b11n << 62n;
  expect(random.reduce((all, one) => all | one, 0n) & ~variant).toBe(2n ** 62n - 1n);
  expect(random.reduce((all, one) => all & one, 2n ** 64n - 1n) & ~variant).toBe(0n);
});
