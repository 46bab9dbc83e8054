// npm test [-- --no-setup] [vitest options and file filters]
import { join } from "node:path";
import { root, run, setup } from "./setup.mjs";

const args = process.argv.slice(2);
if (!args.includes("--no-setup")) await setup();
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
process.exitCode = await run(process.execPath, [vitest, "run", ...args.filter((arg) => arg !== "--no-setup")]);
