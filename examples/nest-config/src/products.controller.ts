import { Controller, HttpCode, Param, Post } from "@nestjs/common";
import { JobQueue } from "@waybill/nest";
import { reindexProduct } from "./jobs.js";

@Controller()
export class ProductsController {
  constructor(private readonly jobs: JobQueue) {}

  @Post("products/:productId/reindex")
  @HttpCode(202)
  async reindex(@Param("productId") productId: string) {
    const { id, duplicateOf } = await this.jobs.enqueue(reindexProduct, { productId });
    // Where an equal job waits already, `duplicateOf` is its id.
    return { jobId: duplicateOf ?? id };
  }

  /** The schedule does this every night; here it is done now. */
  @Post("report")
  @HttpCode(202)
  async report() {
    const { id } = await this.jobs.schedules.runNow("nightly-report");
    return { jobId: id };
  }
}
