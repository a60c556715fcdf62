import { Injectable } from "@nestjs/common";
import { JobQueue } from "@waybill/nest";
import { sendReceipt } from "./jobs";

@Injectable()
export class OrdersService {
  constructor(private readonly jobs: JobQueue) {}

  async place(orderId: string) {
    const { id } = await this.jobs.enqueue(sendReceipt, { orderId });
    return { orderId, jobId: id };
  }
}
