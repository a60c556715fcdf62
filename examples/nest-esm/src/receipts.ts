import { Injectable } from "@nestjs/common";
// `type`: TypeScript does not accept types in the signature of a decorated method that are imported without it.
import { JobContext, type PayloadOf } from "@waybill/core";
import { JobHandler } from "@waybill/nest";
import { sendReceipt } from "./jobs.js";
import { Mail } from "./mail.js";

@Injectable()
export class Receipts {
  constructor(private readonly mail: Mail) {}

  @JobHandler(sendReceipt)
  async send({ orderId }: PayloadOf<typeof sendReceipt>, job: JobContext) {
    // Aborted when the job's time is over, when it is cancelled, or when the process must end.
    await this.mail.sendReceipt(orderId, job.signal);
  }
}
