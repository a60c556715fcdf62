import { isWaybillError } from "@waybill/core";
import { describe, expect, test, vi } from "vitest";
import { fromUrl, sqliteBackend } from "../../src/index.ts";
import { loadNodeSqlite } from "../../src/file/node-sqlite.ts";
import { optionsFromUrl, localPath } from "../../src/options/options.ts";

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    if (isWaybillError(thrown, "CONFIG_INVALID")) return thrown.message;
    throw thrown;
  }
  throw new Error("nothing was refused");
}

describe("a sqlite URL", () => {
  test.each([
    ["sqlite:./waybill.db", "./waybill.db"],
    ["sqlite:waybill.db", "waybill.db"],
    ["sqlite:/var/lib/waybill.db", "/var/lib/waybill.db"],
    ["sqlite:///var/lib/waybill.db", "/var/lib/waybill.db"],
    ["sqlite:./my%20jobs%23.db", "./my jobs#.db"],
  ])("%s is the file %s", (url, path) => {
    expect(optionsFromUrl(url).path).toBe(path);
  });

  test.each([
    ["C:\\data\\w.db", "C:\\data\\w.db"],
    ["/C:/data/w.db", "C:/data/w.db"],
    [".\\w.db", ".\\w.db"],
    ["/data/w.db", "/data/w.db"],
  ])("on Windows %s is the file %s", (path, file) => {
    expect(localPath(path, "", "win32")).toBe(file);
  });

  test("sets options by parameters named as they are", () => {
    const url = "sqlite:./w.db?retainMaxAgeMs=5&retainMaxCount=0&busyTimeoutMs=100&pollMs=50";
    expect(optionsFromUrl(url)).toEqual({
      path: "./w.db",
      busyTimeoutMs: 100,
      pollMs: 50,
      retainFinished: { maxAgeMs: 5, maxCount: 0 },
    });
  });

  test.each([
    ["sqlite:./w.db?mode=ro", "known are: busyTimeoutMs"],
    ["sqlite:file:./w.db", "write it as sqlite:./w.db"],
    ["sqlite:C:\\data\\w.db", "is a path of Windows, and this is"],
    ["sqlite:///C:/data/w.db", "is a path of Windows, and this is"],
    ["sqlite:.\\w.db", "is a path of Windows, and this is"],
    ["sqlite:./w.db?pollMs=1&pollMs=2", "twice"],
    ["sqlite:./w.db?pollMs=soon", 'pollMs is "soon"; write a whole number'],
    ["sqlite:./w.db?retainMaxCount=-1", 'retainMaxCount is "-1"; write a whole number'],
    ["sqlite:./w.db#jobs", "remove it, or write # as %23"],
    ["sqlite://db.example.com/w.db", "names a host"],
    ["sqlite://ann:secret@db.example.com/w.db", '"sqlite://***@db.example.com/w.db" names a host'],
    ["sqlite:", "names no file"],
    ["sqlite::memory:", '"memory:"'],
    ["sqlite:./100%.db", "%25"],
  ])("%s is refused, naming the fix: %s", (url, fix) => {
    expect(refusal(() => fromUrl(url))).toContain(fix);
  });
});

test("option values that cannot be used are refused when the program starts", () => {
  expect(refusal(() => sqliteBackend({ path: "" }))).toContain("./waybill.db");
  expect(refusal(() => sqliteBackend({ path: "w.db", retainFinished: { maxAgeMs: 1.5 } }))).toContain("maxAgeMs");
});

test("a Node without SQLite is refused, with the version to use", () => {
  const builtin = vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined as never);
  try {
    expect(refusal(loadNodeSqlite)).toMatch(
      /^sqlite: this is Node v[\d.]+, which has no SQLite; run it with Node 22.13/,
    );
  } finally {
    builtin.mockRestore();
  }
});
