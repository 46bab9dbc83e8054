// npx -y pnpm@10 check:signatures FOLDER
// Installs the tarballs in FOLDER, with the drivers, in a host of its own and has npm verify the registry's signatures
// and the provenance of everything that came with them. Needs the public registry and sigstore's.
import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { check, must } from "../check.js";

const [source] = process.argv.slice(2).filter((arg) => arg !== "--");
if (source === undefined) throw new Error("usage: check:signatures FOLDER, as check:supply FOLDER made it");
const tarballs = readdirSync(source).filter((file) => file.endsWith(".tgz"));
if (tarballs.length === 0) throw new Error(`no tarballs in ${source}`);

const cwd = mkdtempSync(join(realpathSync(tmpdir()), "milepost-signatures-"));
process.on("exit", () => rmSync(cwd, { recursive: true, force: true }));
writeFileSync(join(cwd, "package.json"), JSON.stringify({ name: "host", version: "1.0.0", private: true }));

await check("npm installs the tarballs and the drivers, running no scripts", () =>
  must(
    { cwd },
    "npm",
    "install",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    ...tarballs.map((file) => resolve(source, file)),
    "pg@8",
    "better-sqlite3@12",
    "nodemailer@10",
  ),
);
await check("npm audit signatures", async () => {
  const { stdout } = await must({ cwd }, "npm", "audit", "signatures");
  return stdout.trim().replaceAll("\n", " ");
});
