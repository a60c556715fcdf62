import { Injectable, Logger } from "@nestjs/common";
// `type`: TypeScript does not accept types in the signature of a decorated method that are imported without it.
import { JobContext, type PayloadOf } from "@waybill/core";
import { JobHandler, Scheduled } from "@waybill/nest";
import { buildReport } from "./jobs.js";

@Injectable()
export class Reports {
  private readonly logger = new Logger(Reports.name);

  // Any number of workers may run: each night is one job.
  @Scheduled({ name: "nightly-report", cron: "0 3 * * *", timeZone: "Europe/Vienna", payload: {} })
  @JobHandler(buildReport)
  async build(_: PayloadOf<typeof buildReport>, job: JobContext) {
    this.logger.log(`report of ${job.schedule?.at.toISOString() ?? "now"}`);
  }
}
