import { startFauxqsHere } from "@waybill/test-servers";
import { contractOn } from "./contract.ts";
import { useEmulator } from "./fixture.ts";

contractOn(useEmulator(startFauxqsHere));
