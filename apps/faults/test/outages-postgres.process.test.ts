import { survivesOutages } from "./outages.ts";

survivesOutages("postgres");
