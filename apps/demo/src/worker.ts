import "reflect-metadata";
import { availableParallelism } from "node:os";
import { NestFactory } from "@nestjs/core";
import { demoFiles } from "./album.ts";
import { sweepTemporaryFiles } from "./durable-file.ts";
import { openLedger } from "./ledger.ts";
import { exitWithParent } from "./parent.ts";
import type { Accepted } from "./records.ts";
import { readSettings } from "./settings.ts";
import { WorkerApp } from "./worker/app.ts";
import { openSpool } from "./worker/spool.ts";

// The worker process: a Nest application that leases jobs and runs their handlers. It shares only the job definitions,
// the files and the backend's URL with the web process.

const settings = readSettings();
const files = demoFiles(settings.folder);
await sweepTemporaryFiles(files.temporary);
const ledger = await openLedger<Accepted>(files.ledger("worker"));
const parts = { settings, ledger, spool: openSpool(files.spool), concurrency: Math.max(2, availableParallelism()) };

// Nest's start messages would mix with the JSON lines on stdout; errors go to stderr.
const app = await NestFactory.createApplicationContext(WorkerApp.with(parts), { logger: ["error", "fatal"] });
app.enableShutdownHooks();
exitWithParent();
