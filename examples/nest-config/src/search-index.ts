import { Injectable, Logger } from "@nestjs/common";
import type { PayloadOf } from "@waybill/core";
import { JobHandler } from "@waybill/nest";
import { reindexProduct } from "./jobs.js";

@Injectable()
export class SearchIndex {
  private readonly logger = new Logger(SearchIndex.name);

  @JobHandler(reindexProduct)
  async reindex({ productId }: PayloadOf<typeof reindexProduct>) {
    this.logger.log(`reindexed ${productId}`);
  }
}
