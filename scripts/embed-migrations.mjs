// node scripts/embed-migrations.mjs [--check]
// Writes each adapter's migrations/NNNN_name.sql into src/migrations.generated.ts; --check only compares.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

const packages = fileURLToPath(new URL("../packages/", import.meta.url));
const check = process.argv.includes("--check");

for (const name of readdirSync(packages)) {
  const folder = `${packages}${name}/migrations`;
  if (!existsSync(folder)) continue;
  const target = `${packages}${name}/src/migrations.generated.ts`;
  const wanted = render(folder);
  const found = existsSync(target) ? readFileSync(target, "utf8") : undefined;
  if (found === wanted) continue;
  if (check) {
    console.error(`${relative(process.cwd(), target)} is out of date: npx -y pnpm@10 migrations`);
    process.exitCode = 1;
  } else {
    writeFileSync(target, wanted);
    console.error(`wrote ${relative(process.cwd(), target)}`);
  }
}

function render(folder) {
  const files = readdirSync(folder).sort();
  const rows = files.map((file, index) => {
    const [, version, name] = /^(\d{4})_([a-z0-9_]+)\.sql$/.exec(file) ?? [];
    if (Number(version) !== index + 1) {
      throw new Error(`${folder}/${file}: expected ${String(index + 1).padStart(4, "0")}_some_name.sql`);
    }
    // A checkout with CRLF must give the same checksum.
    const sql = readFileSync(`${folder}/${file}`, "utf8").replaceAll("\r\n", "\n");
    return `  { version: ${index + 1}, name: ${JSON.stringify(name)}, sql: ${JSON.stringify(sql)} },\n`;
  });
  return [
    "// Generated from migrations/*.sql by scripts/embed-migrations.mjs: edit those.\n",
    "export const migrations: readonly { version: number; name: string; sql: string }[] = [\n",
    ...rows,
    "];\n",
  ].join("");
}
