import { startMoto } from "@waybill/test-servers";
import { contractOn } from "./contract.ts";
import { useEmulator } from "./fresh.ts";

contractOn(useEmulator(startMoto));
