import { survivesOutages } from "./outages.ts";

survivesOutages("bullmq");
