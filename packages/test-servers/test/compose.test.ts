import { readFileSync } from "node:fs";
import { serviceNames, services } from "@waybill/test-servers";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

interface Compose {
  readonly services: Readonly<Record<string, { readonly image: string; readonly ports: readonly string[] }>>;
}

const compose = parse(readFileSync(new URL("../../../compose.yaml", import.meta.url), "utf8")) as Compose;
const contained = serviceNames.filter((name) => services[name].container !== null);

describe("R26: compose.yaml offers what `npm run services` starts", () => {
  test("the same services", () => {
    expect(Object.keys(compose.services).toSorted()).toEqual(
      contained.map((name) => services[name].container).toSorted(),
    );
  });

  test.each(contained)("%s on the same port of 127.0.0.1", (name) => {
    const { usualPort, container } = services[name];
    expect(compose.services[container ?? ""]?.ports).toEqual([`127.0.0.1:${usualPort}:${usualPort}`]);
  });

  test.each(contained)("%s in the same version", (name) => {
    const { version, container } = services[name];
    expect(compose.services[container ?? ""]?.image.split(":")[1]).toBe(version);
  });
});
