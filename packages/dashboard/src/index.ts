export type { AuditLine } from "./audit.ts";
export type { Dashboard } from "./dashboard.ts";
export { createDashboard } from "./dashboard.ts";
export type { Auth, DashboardOptions, DashboardUser } from "./options.ts";
export type { BasicAuthOptions } from "./guard/basic-auth.ts";
export { basicAuth } from "./guard/basic-auth.ts";
