// npx -y pnpm@10 test:packaging [--quick]
// Installs the packages as they would be published into a host application of its own, outside the workspace, and uses
// them there. Once on this Node with the oldest drivers and compilers, once on Node 24 with the newest (not --quick).
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { check, must } from "../check.js";
import { packAll } from "../supply-chain/tarballs.js";
import { type Host, tryIn } from "./host.js";

const hosts: readonly Host[] = [
  {
    name: `Node ${process.versions.node}`,
    packages: ["better-sqlite3@12", "pg@8", "nodemailer@10.5.0", "typescript@5.9", "@types/node@20"],
    driverTypes: ["@types/better-sqlite3@7", "@types/pg@8"],
  },
  {
    name: "Node 24",
    node: "node@24",
    packages: ["better-sqlite3@13", "pg@8", "nodemailer@10", "typescript@7", "@types/node@24"],
    driverTypes: ["@types/better-sqlite3@9", "@types/pg@8"],
  },
];

const begun = performance.now();
const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[\\/]$/, "");
const folder = mkdtempSync(join(realpathSync(tmpdir()), "milepost-packaging-"));
// A failed check ends the process at once; a signal must not leave hundreds of megabytes behind either.
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

await check("the packages build", async () => {
  await must({ cwd: root }, "pnpm", "build");
});
const tarballs = await packAll(root, folder);
for (const host of process.argv.includes("--quick") ? hosts.slice(0, 1) : hosts) {
  const cwd = join(folder, host.name.replaceAll(" ", "-"));
  mkdirSync(cwd);
  await tryIn(host, cwd, root, tarballs);
}
console.log(`the packages work outside the workspace (${Math.round((performance.now() - begun) / 1000)} s)`);
