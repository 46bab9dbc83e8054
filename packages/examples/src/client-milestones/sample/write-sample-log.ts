// npx -y pnpm@10 --filter @milepost/examples sample-log: writes sample/deliveries.csv anew, with the same bytes.
import { writeFileSync } from "node:fs";
import { sampleLog } from "./sample-log.js";

writeFileSync(new URL("deliveries.csv", import.meta.url), sampleLog());
