import { EventBus } from "@waybill/core";
import { describe, expect, test } from "vitest";
import { commandsPage } from "../scripts/reference/commands-page.ts";
import { events, eventsPage } from "../scripts/reference/events-page.ts";
import { programs } from "./command-lines.ts";
import { read } from "./workspace.ts";

describe("the page of commands", () => {
  test("is what the command says", () => expect(read("docs/commands.md")).toBe(commandsPage()));

  test("has every command of the command's own page", () => {
    const own = read("packages/cli/README.md");
    expect(programs.commands.map((one) => one.name()).filter((name) => !own.includes(`waybill ${name}`))).toEqual([]);
    expect(programs.commands.length).toBeGreaterThan(20);
  });
});

describe("the page of events", () => {
  test("is what the sources say", () => expect(read("docs/events.md")).toBe(eventsPage()));

  test("has the events that can be subscribed to", () => {
    const bus = new EventBus();
    for (const { name } of events()) bus.on(name as "settled", () => {});
    const log = read("packages/core/src/observability/events.ts");
    expect(events().length).toBe([...log.matchAll(/^ {2}\w+: true,$/gm)].length);
  });

  test("has for each when it is emitted, and its members", () => {
    const found = events();
    expect(found.length).toBeGreaterThan(30);
    expect(found.filter(({ when, members }) => when === "" || members.length === 0)).toEqual([]);
  });
});

test("each number of the page on performance is one of the measurements", () => {
  const measured = new Set(read("apps/bench/README.md").split("\n"));
  const rows = read("docs/performance.md")
    .split("\n")
    .filter((line) => /^\|.*\d,\d{3}|^\|.*\bp\d\d\b/.test(line));
  expect(rows.length).toBeGreaterThan(15);
  expect(rows.filter((row) => !measured.has(row))).toEqual([]);
});
