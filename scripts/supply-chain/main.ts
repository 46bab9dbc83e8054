// npx -y pnpm@10 check:supply [folder]
// Packs the public packages as they would be published and refuses whatever a host should not be given; looks at the
// workflows too. The built packages must be there. Into `folder`, if given, go the tarballs that were looked at.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { check } from "../check.js";
import { packAll } from "./tarballs.js";
import { checkWorkflow } from "./workflow-checks.js";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[\\/]$/, "");
const [target] = process.argv.slice(2).filter((arg) => arg !== "--");
const folder = mkdtempSync(join(realpathSync(tmpdir()), "milepost-supply-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const tarballs = await packAll(root, folder);
const workflows = join(root, ".github", "workflows");
for (const name of readdirSync(workflows)) {
  await check(`${name}: every action is pinned, no permission beyond need`, () =>
    checkWorkflow(name, readFileSync(join(workflows, name), "utf8")),
  );
}
if (target !== undefined) {
  mkdirSync(target, { recursive: true });
  for (const tarball of tarballs) copyFileSync(tarball, join(target, basename(tarball)));
}
