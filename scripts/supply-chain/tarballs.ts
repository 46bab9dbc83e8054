import { equal } from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { check, must } from "../check.js";
import {
  checkFiles,
  checkManifest,
  checkPaths,
  checkPublishing,
  checkSourcemaps,
  type Files,
  published,
} from "./tarball-checks.js";

/** Packs the public packages into `folder`, looks at what is in them, and returns the tarballs' paths, core first. */
export async function packAll(root: string, folder: string): Promise<string[]> {
  const tarballs: string[] = [];
  for (const name of published) {
    const source = join(root, "packages", name);
    let files: Files = new Map();
    await check(`${name}: packs, twice to the same bytes`, async () => {
      const tarball = await pack(source, folder);
      mkdirSync(join(folder, "again"), { recursive: true });
      const digest = sha512(tarball);
      equal(sha512(await pack(source, join(folder, "again"))), digest);
      tarballs.push(tarball);
      files = await unpack(tarball, join(folder, name));
      return `${files.size} files, sha512-${digest}`;
    });
    await check(
      `${name}: has exactly what its entries lead to, its migrations, package.json, README and LICENSE`,
      () => {
        const migrations = readdirSync(source).includes("migrations") ? readdirSync(join(source, "migrations")) : [];
        checkFiles(files, migrations);
      },
    );
    await check(`${name}: needs what was agreed, runs nothing when installed, links to no workspace`, () =>
      checkManifest(files, name),
    );
    await check(`${name}: is published for everybody, with provenance`, () => checkPublishing(files));
    await check(`${name}: no file has a path of this machine`, () =>
      checkPaths(files, [root, "file://", "node_modules/"]),
    );
    await check(`${name}: every sourcemap leads to the sources as they are`, () =>
      checkSourcemaps(files, (path) => readFileSync(join(source, "dist", path), "utf8")),
    );
  }
  return tarballs;
}

/** pnpm, because it resolves workspace:, catalog: and publishConfig. */
async function pack(source: string, folder: string): Promise<string> {
  const packed = await must({ cwd: source }, "pnpm", "pack", "--json", "--pack-destination", folder);
  return JSON.parse(packed.stdout).filename;
}

function sha512(path: string): string {
  return createHash("sha512").update(readFileSync(path)).digest("base64");
}

/** The files of a tarball by their path, with `/`, and their text. */
async function unpack(tarball: string, folder: string): Promise<Files> {
  mkdirSync(folder);
  await must({ cwd: folder }, "tar", "-xzf", tarball);
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
  return new Map(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(join(folder, "package"), path).replaceAll(sep, "/"), readFileSync(path, "utf8")];
    }),
  );
}
