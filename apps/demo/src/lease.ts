/**
 * How long a job stays with a worker that says nothing any more. Short, so that whoever presses "kill the worker" sees
 * its jobs start again soon; a service would keep core's 30 s.
 */
export const leaseMs = 5_000;
