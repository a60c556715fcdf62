import { Body, Controller, Post } from "@nestjs/common";
import type { Receipt } from "@waybill/core";
import { InjectJob, JobQueue, type QueueOf } from "@waybill/nest";
import { type Order, sendReceipt } from "./jobs.ts";

@Controller("orders")
export class Orders {
  // By the type alone: Nest reads it from what the compiler emits.
  constructor(
    private readonly jobs: JobQueue,
    @InjectJob(sendReceipt) private readonly receipts: QueueOf<typeof sendReceipt>,
  ) {}

  @Post()
  place(@Body() order: Order): Promise<Receipt> {
    return this.receipts.enqueue(order);
  }

  @Post("by-name")
  placeByName(@Body() order: Order): Promise<Receipt> {
    return this.jobs.enqueue("receipt.send", order);
  }
}
