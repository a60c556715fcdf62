import { defineSchedule, describeError, type JobDefinition, type Schedule, WaybillError } from "@waybill/core";
import { describeValue, member, unknownName } from "@waybill/core/backend";

/** One entry of cron.yaml. */
interface CronYamlTask {
  readonly name: string;
  readonly url: string;
  readonly schedule: string;
}

/**
 * Reads Elastic Beanstalk's cron.yaml as schedules of a worker, for an application that leaves the daemon: the task's name is that of the
 * schedule, and its expression is in UTC. `jobs` names the job of each task. Its payload is `{ task }`; the time of the tick is
 * `job.schedule.at`. Rejects `CONFIG_INVALID` for a text that is no cron.yaml, for a task without a job, and for a job without a task.
 */
export async function schedulesFromCronYaml(
  text: string,
  jobs: Readonly<Record<string, JobDefinition>>,
): Promise<Schedule[]> {
  if (typeof text !== "string")
    throw refuse(`the text of cron.yaml is ${describeValue(text)}: pass what the file contains`);
  if (typeof jobs !== "object" || jobs === null)
    throw refuse(`the jobs of cron.yaml are ${describeValue(jobs)}: pass a definition for each task, by its name`);
  const tasks = tasksOf(await parsed(text));
  const names = tasks.map(({ name }) => name);
  const stray = Object.keys(jobs).find((name) => !names.includes(name));
  if (stray !== undefined)
    throw refuse(`a job is given for "${stray}", which is no task of cron.yaml; ${unknownName(stray, names)}`);
  return tasks.map(({ name, schedule }) => {
    const job = Object.hasOwn(jobs, name) ? jobs[name] : undefined;
    if (job === undefined) throw refuse(`task "${name}" of cron.yaml has no job; pass { "${name}": itsDefinition }`);
    return defineSchedule({ name, job, payload: { task: name }, cron: schedule });
  });
}

/** Loaded here: few applications have a cron.yaml. */
async function parsed(text: string): Promise<unknown> {
  const { parse } = await import("yaml");
  try {
    return parse(text);
  } catch (thrown) {
    throw new WaybillError("CONFIG_INVALID", `cron.yaml is no YAML: ${describeError(thrown)}`, { cause: thrown });
  }
}

function tasksOf(file: unknown): CronYamlTask[] {
  const version = member(file, "version");
  if (version !== 1) throw refuse(`version of cron.yaml is ${describeValue(version)}: 1 is the only one there is`);
  const cron = member(file, "cron");
  if (!Array.isArray(cron)) throw refuse(`cron of cron.yaml is ${describeValue(cron)}: a list of tasks is needed`);
  return cron.map((entry: unknown, at) => {
    for (const field of ["name", "url", "schedule"]) {
      const value = member(entry, field);
      if (typeof value !== "string" || value === "")
        throw refuse(`${field} of task ${at + 1} in cron.yaml is ${describeValue(value)}: a text is needed`);
    }
    return entry as CronYamlTask;
  });
}

const refuse = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
