import { describe, expect, test } from "vitest";
import { type Exported, type Member, publicSurface } from "../scripts/public-surface.ts";

const entries = publicSurface();
const exported = entries.flatMap((entry) => entry.exports);
/** What each backend package offers under the same name; `connect` and the command ask for it by URL. */
const OFFERED_BY_EACH = new Set(["fromUrl", "migrate", "schemaVersion"]);

/** Functions with nothing to refuse; of every other one its comment says what it throws, rejects or never does. */
const REFUSES_NOTHING = new Set(
  (
    "capabilityMatrix newId isWaybillError toError leakGuard newSecret judge doctorOf inspectorOf workerRegistryOf maskUrl " +
    "describeOutcome logTo offersOf readSignedWrapper signatureFor jobMetrics telemetry keepRawBody waybill nodeListener " +
    "forbidden header wholeHeader InjectJob withTestJobs postgresCapabilities rabbitmqCapabilities fromDrizzle fromKysely " +
    "fromPrisma fromTypeOrm"
  ).split(" "),
);

/** Filled in by a user, member by member. */
const isFilledIn = ({ name }: Exported): boolean => /(Options|Limits|Query|Item|Harness|Task)$/.test(name);
const saysUnit = (name: string): boolean => /(Ms|Bytes|Seconds)$/.test(name);

function faultOf(owner: Exported, { name, kind, doc, signature }: Member): string | null {
  if (doc !== null) return null;
  if (kind === "method") return "says nothing of what a call promises";
  if (isFilledIn(owner)) return "says nothing of its default";
  // Members of a union stand side by side, and the comments on its parts speak for them.
  if (owner.kind === "type") return null;
  if (/\| null\b/.test(signature)) return "does not say what null means";
  if (/\?: (?!true)/.test(signature)) return "does not say what its absence means";
  return signature.endsWith(": number") && !saysUnit(name) ? "does not say what is counted" : null;
}

describe.each(entries)("$specifier", ({ exports }) => {
  test("says of every name what it is", () => {
    expect(exports.filter(({ doc }) => doc === null).map(({ name, file }) => `${file}: ${name}`)).toEqual([]);
  });

  test("says of each member what its type cannot: default, unit, null, absence, promise", () => {
    const faults = exports.flatMap((one) =>
      one.members.map((member) => [`${one.file}: ${one.name}.${member.name}`, faultOf(one, member)] as const),
    );
    expect(faults.filter(([, fault]) => fault !== null).map((fault) => fault.join(" "))).toEqual([]);
  });

  test("says of each function what it throws or rejects", () => {
    const silent = exports.filter(
      ({ kind, name, doc }) =>
        kind === "function" && !REFUSES_NOTHING.has(name) && !/\b(Throws|Rejects|Never)\b|; throws\b/.test(doc ?? ""),
    );
    expect(silent.map(({ name, file }) => `${file}: ${name}`)).toEqual([]);
  });
});

test("a name means one thing, wherever it is exported", () => {
  const files = Map.groupBy(exported, ({ name }) => name);
  const twice = [...files].filter(([, several]) => new Set(several.map(({ file }) => file)).size > 1);
  expect(twice.map(([name]) => name).filter((name) => !OFFERED_BY_EACH.has(name))).toEqual([]);
});

describe("the rules above notice", () => {
  const owner = { name: "LeaseOptions", kind: "interface" } as Exported;
  const member = { name: "limit", kind: "property", doc: null, signature: "limit: string" } as Member;
  test.each([
    ["an option without its default", owner, member],
    ["a null without its meaning", { ...owner, name: "Lease" }, { ...member, signature: "limit: string | null" }],
    ["a number without its unit", { ...owner, name: "Lease" }, { ...member, signature: "limit: number" }],
    ["an absence without its meaning", { ...owner, name: "Lease" }, { ...member, signature: "limit?: string" }],
    ["a method without its promise", { ...owner, name: "Lease" }, { ...member, kind: "method" as const }],
  ])("%s", (_, one, its) => {
    expect(faultOf(one, its)).toEqual(expect.any(String));
  });
});
