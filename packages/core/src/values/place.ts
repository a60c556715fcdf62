import { hostname } from "node:os";

/** Where a process runs, for its log lines and the list of workers. */
export interface Place {
  /** The name of the host. In Kubernetes that is the name of the pod. */
  readonly host: string;
  /** In Amazon ECS: the id of the task on Fargate, else of the container. Omitted elsewhere. */
  readonly task?: string;
}

/** Returns the place of this process. In Amazon ECS the id is in the address of the metadata of the container: on Fargate the id of the task and a number. */
export function placeOf({ ECS_CONTAINER_METADATA_URI_V4: uri = "" }: NodeJS.ProcessEnv): Place {
  const host = hostname();
  const [, id] = /\/v4\/([\w-]+)$/.exec(uri) ?? [];
  if (id === undefined) return { host };
  return { host, task: id.replace(/^([0-9a-f]{32})-\d+$/, "$1") };
}
