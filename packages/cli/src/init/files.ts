import type { BackendChoice } from "./backends.ts";
import type { Project } from "./project.ts";
import {
  enqueueFile,
  gitignoreFile,
  jobsFile,
  nestModuleFile,
  nestTestFile,
  nestWorkerFile,
  testFile,
  tsconfigFile,
  workerFile,
} from "./templates.ts";

/** A file to be written, by its path from the folder of the project. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
}

/** The files to write, and the scripts that run them. */
export interface Written {
  readonly files: readonly NewFile[];
  readonly scripts: Readonly<Record<string, string>>;
  /** Packages that only these files need. */
  readonly needs: readonly string[];
}

const ENQUEUE = `waybill enqueue receipt.send "{\\"orderId\\":\\"o_1\\"}"`;

/** Returns the files for a project: the jobs, a worker, a producer and a test. `dir` is the folder of the sources. */
export function filesFor(project: Project, backend: BackendChoice, dir: string): Written {
  if (project.framework === "nest") return nestFiles(project, backend, dir);
  const { language, isEsm } = project;
  const isTypeScript = language !== "javascript";
  const ext = `${isEsm ? "" : "m"}${isTypeScript ? "ts" : "js"}`;
  const jobs = { path: `${dir}/jobs.${ext}`, text: jobsFile(backend) };
  // TypeScript would refuse an import by the file name that Node needs.
  if (language === "typescript" && !project.importsTs) {
    return {
      files: [jobs, { path: `${dir}/jobs.test.mjs`, text: testFile(backend, ext) }],
      scripts: {
        worker: `waybill worker --jobs ${dir}/jobs.${ext}`,
        enqueue: `${ENQUEUE} --jobs ${dir}/jobs.${ext}`,
        test: `node --test ${dir}/jobs.test.mjs`,
      },
      needs: ["zod"],
    };
  }
  const sources = [
    jobs,
    { path: `${dir}/worker.${ext}`, text: workerFile(ext) },
    { path: `${dir}/enqueue.${ext}`, text: enqueueFile(ext) },
    { path: `${dir}/jobs.test.${ext}`, text: testFile(backend, ext) },
  ];
  const node = isTypeScript ? NODE_FOR_TYPESCRIPT : "node";
  const isNew = language === "new";
  return {
    files: isNew
      ? [
          ...sources,
          { path: "tsconfig.json", text: tsconfigFile(dir) },
          ...(project.hasGitignore ? [] : [{ path: ".gitignore", text: gitignoreFile() }]),
        ]
      : sources,
    scripts: {
      worker: `${node} ${dir}/worker.${ext}`,
      enqueue: `${node} ${dir}/enqueue.${ext}`,
      test: `${node} --test ${dir}/jobs.test.${ext}`,
      ...(isNew && { typecheck: "tsc --noEmit" }),
    },
    needs: isNew ? ["zod", "typescript", "@types/node"] : ["zod"],
  };
}

/** Node 22.18 and later need no flag and accept this one; an older Node may run the project. */
const NODE_FOR_TYPESCRIPT = "node --experimental-strip-types";

/** The module is compiled with the application, so its worker runs from there. */
function nestFiles({ isEsm }: Project, backend: BackendChoice, dir: string): Written {
  const inside = dir.replace(/^src\/?/, "");
  return {
    files: [
      { path: `${dir}/jobs/jobs.module.ts`, text: nestModuleFile(backend) },
      { path: `${dir}/jobs/worker.ts`, text: nestWorkerFile() },
      { path: `${dir}/jobs/jobs.module.spec.ts`, text: nestTestFile(`./jobs.module${isEsm ? ".js" : ""}`) },
    ],
    scripts: {
      worker: `nest build && node dist/${inside === "" ? "" : `${inside}/`}jobs/worker.js`,
      enqueue: `${ENQUEUE} --no-registry`,
    },
    needs: ["@waybill/http", "@waybill/nest", "zod"],
  };
}
