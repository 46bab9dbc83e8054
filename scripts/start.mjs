// npm start [-- options of the example]: the smallest whole host, on SQLite.
import { join } from "node:path";
import { root, run, setup } from "./setup.mjs";

await setup();
const example = join(root, "packages", "examples", "example.mjs");
process.exitCode = await run(process.execPath, [example, "client-milestones", ...process.argv.slice(2)]);
