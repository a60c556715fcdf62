import { survivesOutages } from "./outages.ts";

survivesOutages("sqs");
