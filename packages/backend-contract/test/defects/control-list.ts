import { matchJobs, type JobQuery, type StoredJob } from "@waybill/core/backend";
import type { Defect, Spoil } from "./planted.ts";
import { controls, shows } from "./with-control.ts";

/** One filter works in another way, in lists without a limit. */
const filters = (name: keyof JobQuery, matches: (job: StoredJob, wanted: never) => boolean): (() => Spoil) =>
  controls((good) => ({
    async list(query) {
      const { [name]: wanted, ...others } = query;
      if (wanted === undefined || query.limit !== undefined) return good.list(query);
      const { jobs, next } = await good.list(others);
      return { jobs: jobs.filter((job) => matches(job, wanted as never)), next };
    },
  }));

/** As `LIKE` of SQL has it. */
function like(pattern: string): RegExp {
  const plain = pattern.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(plain.replaceAll("%", ".*").replaceAll("_", "."), "i");
}

const described: readonly Defect[] = [
  {
    defect: "a body is parsed and written anew",
    seenBy: "a listed job has the label and the bytes that are delivered",
    plant: shows(({ body }) => ({ body: JSON.stringify(JSON.parse(body)) })),
  },
  {
    defect: "a missing tenant is listed as empty text",
    seenBy: "a job of no tenant is listed with null",
    plant: shows(({ tenant }) => ({ tenant: tenant ?? "" })),
  },
  {
    defect: "failures are listed where the attempt is asked for",
    seenBy: "a job is listed with the number of its attempt",
    plant: shows(({ state, attempt }) => ({ attempt: state === "leased" ? attempt - 1 : attempt })),
  },
  {
    defect: "enqueuedAt is in seconds",
    seenBy: "a job is listed with when it was enqueued, or with null",
    plant: shows(({ enqueuedAt }) => ({ enqueuedAt: enqueuedAt && enqueuedAt / 1_000 })),
  },
  {
    defect: "dueAt is how long a delayed job has left",
    seenBy: "dueAt of a delayed job is when it becomes ready",
    plant: shows(({ state, dueAt }) => (state === "delayed" ? { dueAt: dueAt && dueAt - Date.now() } : {})),
  },
  {
    defect: "the end of a lease is not listed",
    seenBy: "dueAt of a leased job is when its lease ends; a job that is ready has none",
    plant: shows(({ state, dueAt }) => ({ dueAt: state === "leased" ? null : dueAt })),
  },
  {
    defect: "of the reason the code is listed alone",
    seenBy: "a dead letter is listed with its reason",
    plant: shows(({ reason }) => ({ reason: reason && { code: reason.code, message: reason.code } })),
  },
  {
    defect: "a leased job is listed as ready",
    seenBy: "a job is ready, delayed, leased or dead, and is found by its state",
    plant: shows(({ state }) => ({ state: state === "leased" ? "ready" : state })),
  },
];

const filtered: readonly Defect[] = [
  {
    defect: "queues are found by the beginning of their name",
    seenBy: "jobs are listed by exactly their queue",
    plant: filters("queue", ({ queue }, wanted: string) => queue.startsWith(wanted)),
  },
  {
    defect: "types are found by their beginning",
    seenBy: "jobs are listed by exactly their type",
    plant: filters("type", ({ type }, wanted: string) => type.startsWith(wanted)),
  },
  {
    defect: "jobs of no tenant are listed for every tenant",
    seenBy: "jobs are listed by exactly their tenant",
    plant: filters("tenant", ({ tenant }, wanted: string) => tenant === null || tenant === wanted),
  },
  {
    defect: "a list of ids is cut at the first that is not there",
    seenBy: "jobs are listed by their ids, and an id that is not there is left out",
    plant: controls((good) => ({
      async list(query) {
        if (query.ids === undefined) return good.list(query);
        const { jobs, next } = await good.list(query);
        const cut = query.ids.findIndex((id) => jobs.every((job) => job.id !== id));
        const left = cut === -1 ? query.ids : query.ids.slice(0, cut);
        return { jobs: jobs.filter(({ id }) => left.includes(id)), next };
      },
    })),
  },
  {
    defect: "a text is compared as it is written",
    seenBy: "a text is found in upper and lower case",
    plant: filters("text", ({ body }, wanted: string) => body.includes(wanted)),
  },
  {
    defect: "a text is passed to LIKE without an escape",
    seenBy: "a text is no pattern",
    plant: filters("text", ({ body }, wanted: string) => like(wanted).test(body)),
  },
  {
    defect: "since leaves out its own moment",
    seenBy: "jobs are listed since the enqueue of the first of them",
    plant: filters("since", ({ enqueuedAt }, wanted: number) => enqueuedAt !== null && enqueuedAt > wanted),
  },
  {
    defect: "a page is cut before it is filtered",
    seenBy: "the limit of a page counts what passes every filter",
    plant: controls((good) => ({
      async list(query) {
        const { limit = 100, after } = query;
        const { jobs, next } = await good.list({ limit, ...(after === undefined ? {} : { after }) });
        return { jobs: jobs.filter(matchJobs(query)), next };
      },
    })),
  },
];

const paged: readonly Defect[] = [
  {
    defect: "a page has 1,000 jobs where no limit is given",
    seenBy: "a page has 100 jobs where no limit is given, and says so when it is the last",
    plant: controls((good) => ({ list: (query) => good.list({ limit: 1_000, ...query }) })),
  },
  {
    defect: "the second page of a list forgets its filter",
    seenBy: "pages of a filtered list together have each job once",
    plant: controls((good) => ({
      list: ({ type, ...query }) => good.list(query.after === undefined ? { ...query, type } : query),
    })),
  },
  {
    defect: "pages are cut by offset",
    seenBy: "while jobs come, go and change, pages have each job that stays exactly once",
    plant: controls((good) => ({
      async list({ after = "0", limit = 100, ...query }) {
        const from = Number(after);
        const all: StoredJob[] = [];
        for (let next: string | null = "0"; next !== null;) {
          const page = await good.list({ ...query, limit: 1_000, after: next });
          all.push(...page.jobs);
          next = page.next;
        }
        return { jobs: all.slice(from, from + limit), next: from + limit < all.length ? String(from + limit) : null };
      },
    })),
  },
];

export const controlListDefects: readonly Defect[] = [...described, ...filtered, ...paged];
