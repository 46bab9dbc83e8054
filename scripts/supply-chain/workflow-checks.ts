import { deepEqual } from "node:assert/strict";

/** An action by the full hash of its commit, which nobody can move, with the version that it is in a comment. */
const pinned = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40} +# v\d+\.\d+\.\d+$/;
/** A file of this repository is as pinned as the workflow itself. */
const local = /^\.\//;

/** Every `uses:` of a workflow is pinned, no job may do more than it says, and no stranger's code meets a token. */
export function checkWorkflow(name: string, text: string): void {
  const lines = text.split("\n");
  const loose = lines.flatMap((line, i) => {
    const [, used] = /^\s*(?:- )?['"]?uses['"]?:\s*(.*?)\s*$/.exec(line) ?? [];
    return used === undefined || pinned.test(used) || local.test(used)
      ? []
      : [`${name}:${i + 1}: ${used} is not pinned`];
  });
  const mentions = lines.filter((line) => /^[^#]*\buses\b/.test(line)).length;
  const read = lines.filter((line) => /^\s*(?:- )?['"]?uses['"]?:/.test(line)).length;
  deepEqual(loose, []);
  deepEqual({ name, uses: read }, { name, uses: mentions }, "a way to write uses: that this check does not read");
  deepEqual(
    lines.filter((line) => /^permissions:/.test(line) || /^ {2}contents: read$/.test(line)).slice(0, 2),
    ["permissions:", "  contents: read"],
    `${name}: top-level permissions are contents: read`,
  );
  deepEqual(
    lines.filter((line) => /pull_request_target|workflow_run|write-all|secrets\./.test(line)),
    [],
  );
}
