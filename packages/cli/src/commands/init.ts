import { join, relative } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { UsageError } from "../exit.ts";
import { examples, section } from "../output/help.ts";
import { type BackendChoice, backendBy } from "../init/backends.ts";
import { filesFor, type Written } from "../init/files.ts";
import { type Merged, merged } from "../init/manifest.ts";
import { type Project, readProject } from "../init/project.ts";
import { assertFree, writeAll } from "../init/write.ts";
import { printJson, printText } from "../output/print.ts";
import { bold } from "../output/style.ts";

interface Options {
  readonly backend: string;
  readonly dir: string;
  readonly dryRun?: true;
  readonly json?: true;
}

export function initCommand(program: Command): void {
  const command = program
    .command("init")
    .summary("write jobs, a worker and a first test into a project")
    .description("Write a jobs file, a worker, a first test and the entries of package.json. Overwrites nothing.")
    .argument("[folder]", "the project's folder; it may be empty or missing", ".")
    .option("--backend <name>", "sqlite, postgres, bullmq, rabbitmq or sqs, or a URL of one", "sqlite")
    .option("--dir <folder>", "where the sources go, within the project", within, "src")
    .option("--dry-run", "print what would be written, and write nothing")
    .option("--json", "print JSON; errors too, on stderr");
  examples(
    command.action(init),
    ["waybill init", "into this folder, with SQLite: nothing to start"],
    ["waybill init shop --backend postgres", "into a new folder, for a PostgreSQL server"],
    ["waybill init --dir src/background --dry-run", "into a project that has other jobs; look first"],
  );
  section(
    command,
    "Projects",
    "An empty folder gets TypeScript as ES modules, which Node runs without a compiler. An existing project keeps its language",
    "and its module format; a Nest application gets a module. Nothing is installed, and no URL that was given is written.",
  );
}

/** Parses a folder within the project. Returns it with slashes. */
function within(text: string): string {
  const steps = text.split(/[\\/]+/).filter((step) => step !== "" && step !== ".");
  if (
    /^([\\/]|[a-z]:)/i.test(text) ||
    steps.includes("..") ||
    steps.length === 0 ||
    !steps.every((step) => NAME.test(step))
  ) {
    throw new InvalidArgumentError(
      "Name a folder within the project, of letters, digits, dots and hyphens: src/background.",
    );
  }
  return steps.join("/");
}

const NAME = /^[\w.-]+$/;

function init(path: string, options: Options): void {
  const backend = backendBy(options.backend);
  const project = readProject(path);
  const written = filesFor(project, backend, options.dir);
  const manifest = merged(project, written, backend);
  assertFree(project, written.files);
  if (manifest.clashes.length > 0) {
    throw new UsageError(
      `package.json has other scripts "${manifest.clashes.join('", "')}" and the same with "waybill:" before it; rename one of each`,
    );
  }
  if (!options.dryRun) writeAll(project, written.files, manifest.text);
  if (options.json) return report(project, written, manifest, options);
  if (options.dryRun) return preview(written, manifest);
  for (const { path: file } of written.files) printText(`wrote    ${file}`);
  printText(`${project.text === null ? "wrote   " : "changed "} package.json`);
  const steps = nextSteps(path, project, manifest, backend, options.dir);
  if (backend.name === "sqlite" && !written.files.some(({ path: file }) => file === ".gitignore"))
    steps.push("Add waybill.db* to .gitignore.");
  printText(`\n${bold("Next:")}\n${steps.join("\n")}`);
}

function report({ text }: Project, { files }: Written, { scripts, text: manifest }: Merged, { dryRun }: Options): void {
  for (const { path, text: content } of files) printJson({ path, isNew: true, written: !dryRun, text: content });
  printJson({ path: "package.json", isNew: text === null, written: !dryRun, text: manifest, scripts });
}

function preview({ files }: Written, { text }: Merged): void {
  for (const file of [...files, { path: "package.json", text }]) printText(`${bold(file.path)}\n${file.text}`);
  printText("Nothing was written.");
}

function nextSteps(path: string, project: Project, merge: Merged, backend: BackendChoice, dir: string): string[] {
  const { packageManager: manager, folder, framework } = project;
  const run = (name: string): string => `  ${manager} run ${merge.scripts[name] ?? name}`;
  const there = relative(process.cwd(), folder);
  return [
    ...(there === "" ? [] : [`  cd ${join(path)}`]),
    `  ${manager} install`,
    ...(backend.needs === null ? [] : [`  export WAYBILL_URL=${backend.url}    # ${backend.needs}: where yours is`]),
    // Nest's own projects come with a script for tests.
    ...(merge.scripts["test"] === undefined && framework !== "nest" ? [] : [run("test")]),
    run("enqueue"),
    run("worker"),
    ...(framework === "nest"
      ? [
          "Add JobsModule to the imports of AppModule, and call Receipts.sendLater where an order is made.",
          "The application then runs jobs too; start it with WAYBILL_ROLE=web to leave them to the worker.",
        ]
      : []),
    ...(framework === "express" ? expressSteps(dir) : []),
  ];
}

const expressSteps = (dir: string): string[] => [
  `To enqueue in the application, with what ${dir}/jobs exports:`,
  "  const connection = await connect(url, { jobs }); // once, at start; connect is of @waybill/core",
  "  await connection.enqueue(sendReceipt, { orderId }); // in a route",
];
