// Packs every public package as it would be published, and looks at the tarballs from outside.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const packages = fileURLToPath(new URL("../packages/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "milepost-packed-"));

try {
  for (const name of readdirSync(packages)) {
    const cwd = join(packages, name);
    if (JSON.parse(readFileSync(join(cwd, "package.json"), "utf8")).private) continue;
    // pnpm, because it resolves workspace:, catalog: and publishConfig.
    must(cwd, "pnpm", "pack", "--pack-destination", folder);
  }
  for (const tarball of readdirSync(folder)) {
    must(folder, "publint", tarball, "--strict");
    must(folder, "attw", tarball, "--profile", "node16");
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function must(cwd, command, ...args) {
  const { status, error } = spawnSync(command, args, {
    cwd,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (status !== 0) throw error ?? new Error(`${command} ${args.join(" ")} failed`);
}
