import { connectProducer } from "@waybill/core";
import { buildReport } from "./jobs.ts";

const jobs = await connectProducer(process.env.WAYBILL_URL ?? "redis://localhost:6379");
await jobs.enqueue(buildReport, { month: process.argv[2] ?? "2026-11" });
await jobs.close();
