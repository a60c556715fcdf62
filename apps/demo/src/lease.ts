/**
 * The lease of the demo's jobs: how long the jobs of a killed worker wait before they start again. Short, so that the
 * page shows this within seconds; a service would keep core's default of 30 s.
 */
export const leaseMs = 5_000;
