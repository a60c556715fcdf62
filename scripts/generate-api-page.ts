// Writes docs/api.md from the sources; `--check` only compares, and fails when the page is out of date.
import { readFileSync, writeFileSync } from "node:fs";
import { type Entry, type Exported, type Member, publicSurface } from "./public-surface.ts";

const PAGE = new URL("../docs/api.md", import.meta.url);

/** In the order a program meets them. */
const FOR_PROGRAMS: readonly string[] = [
  "@waybill/core",
  "@waybill/core/testing",
  "@waybill/core/metrics",
  "@waybill/core/otel",
  "@waybill/core/memory",
  "@waybill/core/import",
  "@waybill/sqlite",
  "@waybill/bullmq",
  "@waybill/postgres",
  "@waybill/rabbitmq",
  "@waybill/sqs",
  "@waybill/http",
  "@waybill/http/node",
  "@waybill/dashboard",
  "@waybill/dashboard/node",
  "@waybill/express",
  "@waybill/nest",
  "@waybill/nest/testing",
  "@waybill/platforms",
];

/** Functions for other packages and tools, and those that stand behind a URL: named, and no more. */
const FOR_TOOLS: ReadonlySet<string> = new Set([
  "toError",
  "errorMessage",
  "describeError",
  "examineReceiver",
  "fromUrl",
  "postgresCapabilities",
  "rabbitmqCapabilities",
]);

/** What a program gets from a call, and goes on with; by the methods worth a line. */
const CALLED_ON: Readonly<Record<string, readonly string[]>> = {
  Producer: ["enqueue", "enqueueIn", "enqueueBody", "enqueueMany"],
  Jobs: ["worker", "workers", "close"],
  Worker: ["start", "stop", "run", "health"],
  Inspector: ["counts", "deadLetters", "replay", "drop"],
  Doctor: ["checks"],
  EventBus: ["on"],
  JobContext: ["completeIn"],
  TestJobs: ["enqueued", "drain", "advance"],
  JobMetrics: ["prometheus", "read", "stop"],
  HealthEndpoint: ["fetch", "stop"],
  Receiver: ["load", "stop"],
  WaybillModule: ["forRoot", "forRootAsync", "forFeature"],
  WaybillHealthIndicator: ["isHealthy"],
};

interface Call {
  readonly code: string;
  readonly doc: string | null;
}

/** What a program calls of one export: a function itself, of an object its methods. */
function callsOf({ name, kind, doc, signature, members }: Exported): Call[] {
  if (kind === "function") return FOR_TOOLS.has(name) ? [] : [{ code: `${name}${signature}`, doc }];
  return (CALLED_ON[name] ?? []).map((method) => {
    // The first of several overloads stands for all.
    const found = members.find((member) => member.name === method);
    if (found === undefined) throw new Error(`${name} has no ${method} any more`);
    return { code: `${name}.${found.signature}`, doc: found.doc };
  });
}

const surface = publicSurface();
/** "file name" of all that an earlier section describes: an export of two entries is described at the first. */
const described = new Set<string>();

/** Types whose members a program fills in: their members are listed. */
const isFilledIn = ({ name, members }: Exported): boolean =>
  /(Options|Limits|Query|Item|Harness|Simulation)$/.test(name) && members.length > 0;
const listed: ReadonlySet<string> = new Set(
  surface.flatMap(({ exports }) => exports.filter(isFilledIn).map(({ name }) => name)),
);

function sectionOf({ specifier, exports }: Entry): string {
  const fresh = exports.filter(({ file, name }) => !described.has(`${file} ${name}`));
  for (const { file, name } of fresh) described.add(`${file} ${name}`);
  const functions = fresh.filter(({ kind }) => kind === "function");
  const objects = Object.keys(CALLED_ON).flatMap((owner) => fresh.filter(({ name }) => name === owner));
  const calls = [...functions, ...objects].flatMap(callsOf);
  const options = fresh.filter(isFilledIn);
  const shown = new Set([...calls.map(({ code }) => /^\w+/.exec(code)?.[0]), ...options.map(({ name }) => name)]);
  const names = exports.map(({ name }) => name).filter((name) => !shown.has(name));
  return [
    `## ${specifier}`,
    calls.map(({ code, doc }) => `- \`${withoutTypes(code)}\` ${doc ?? ""}`).join("\n"),
    names.length > 0 ? `Also ${listOf(names)}.` : "",
    ...optionSheets(specifier, options),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** The options of a package, those of its producers and workers, and those of each of its features: a glance each. */
function optionSheets(specifier: string, options: readonly Exported[]): string[] {
  const sheets = Map.groupBy(
    options,
    ({ file }) => /\/(?:features\/)?((?<=features\/)[^/]+|worker|producer)\/[^/]+$/.exec(file)?.[1] ?? "",
  );
  const rank = (room: string): string => (["", "producer", "worker"].includes(room) ? ` ${room}` : room);
  return [...sheets]
    .sort(([one], [other]) => (rank(one) < rank(other) ? -1 : 1))
    .flatMap(([room, some]) => {
      const before = new Map<string, string>();
      return [
        `### Options of ${specifier}${room === "" ? "" : `: ${room}`}`,
        ...some.map((exported) => optionsOf(exported, before)),
      ];
    });
}

/** Members that two types of a sheet share are described once, if there are as many. */
const SHARED = 5;

/**
 * One line for each member: its name, "?" where it may be omitted, and its whole comment. `before`: the lines of the sheet so far, each
 * with its type.
 */
function optionsOf({ name, doc, members }: Exported, before: Map<string, string>): string {
  const isListedThere = ({ inheritedFrom }: Member): boolean => inheritedFrom !== null && listed.has(inheritedFrom);
  const own = Map.groupBy(
    members.filter((member) => !isListedThere(member)),
    (member) => member.name,
  );
  const bases = new Set(members.filter(isListedThere).map(({ inheritedFrom }) => inheritedFrom ?? ""));
  const lines = [...own].map(([member, variants]) => memberLine(member, variants));
  const isShared = (line: string): boolean =>
    lines.filter((one) => before.has(one) && before.get(one) === before.get(line)).length >= SHARED;
  const shared = Map.groupBy(lines.filter(isShared), (line) => before.get(line) ?? "");
  const fresh = lines.filter((line) => !isShared(line));
  for (const line of fresh) before.set(line, before.get(line) ?? name);
  return [
    `**${name}** ${doc ?? ""}`,
    "",
    ...fresh.map((line) => `- ${line}`),
    ...[...shared].map(([type, some]) => `- As in \`${type}\`: ${some.map(nameIn).join(", ")}.`),
    ...(bases.size > 0 ? [`- Also the options of ${listOf([...bases])}.`] : []),
  ].join("\n");
}

/** The name of a member, as its line begins. */
const nameIn = (line: string): string => /^`[^`]+`/.exec(line)?.[0] ?? "";

/** Several variants: the member of each part of a union. */
function memberLine(name: string, variants: readonly Member[]): string {
  const doc = variants.find((one) => one.doc !== null)?.doc ?? "";
  const isOptional = variants.some(({ signature }) => signature.startsWith(`${name}?`));
  return `\`${name}${isOptional ? "?" : ""}\` ${doc}`.trim();
}

/** Parameters by name and whether they may be absent; what comes back, by type. */
function withoutTypes(code: string): string {
  const end = closingOf(code);
  const parameters = splitAtCommas(code.slice(code.indexOf("(") + 1, end)).map((one) => one.split(":")[0]?.trim());
  const result = code.slice(end + 1).replace(/^: /, "");
  const answer = result === "void" || result === "" ? "" : `: ${result.replaceAll(/<(Input|Output).*>$/g, "")}`;
  return `${code.slice(0, code.indexOf("("))}(${parameters.join(", ")})${answer}`;
}

function closingOf(code: string): number {
  let depth = 0;
  for (let at = code.indexOf("("); at < code.length; at++) {
    if (code[at] === "(") depth += 1;
    if (code[at] === ")" && --depth === 0) return at;
  }
  throw new Error(`${code} has no end`);
}

/** Not at those within brackets. */
function splitAtCommas(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at <= text.length; at++) {
    const sign = text[at] ?? ",";
    if ("([{<".includes(sign)) depth += 1;
    if (")]}".includes(sign) || (sign === ">" && text[at - 1] !== "=")) depth -= 1;
    if (sign !== "," || depth > 0) continue;
    if (at > from) parts.push(text.slice(from, at));
    from = at + 1;
  }
  return parts;
}

function listOf(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}

const forPrograms = FOR_PROGRAMS.flatMap((one) => surface.filter(({ specifier }) => specifier === one));
const forAuthors = surface.filter((entry) => !forPrograms.includes(entry));
const page = `# What you can call

Written by \`npm run docs:api\` from the sources: what each function does, what it throws or rejects, and of each option its
unit and its default. Your editor shows the same, and the types.

${forPrograms.map(sectionOf).join("\n\n")}

# For authors of backends, carriers and endpoints

${forAuthors.map(sectionOf).join("\n\n")}
`;

if (!process.argv.includes("--check")) {
  writeFileSync(PAGE, page);
} else if (readFileSync(PAGE, "utf8") !== page) {
  console.error("docs/api.md is not what the sources say; run: npm run docs:api");
  process.exitCode = 1;
}
