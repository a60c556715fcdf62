export type { ImportOptions, ImportReport, MappedJob } from "./import-options.ts";
export type { ForeignJob, JobSource } from "./job-source.ts";
export { importJobs } from "./import-jobs.ts";
