import { expect, test } from "vitest";
import { checkWorkflow } from "./workflow-checks.js";

const sha = "3d3c42e5aac5ba805825da76410c181273ba90b1";
const workflow = (uses: string, permissions = "permissions:\n  contents: read") =>
  `on: push\n${permissions}\njobs:\n  check:\n    steps:\n      - uses: ${uses}\n      - run: .ci/run\n`;

test("an action by its commit with its version, or a file of this repository, passes", () => {
  expect(() => checkWorkflow("ci.yml", workflow(`actions/checkout@${sha} # v7.0.1`))).not.toThrow();
  expect(() => checkWorkflow("ci.yml", workflow(`actions/cache/restore@${sha} # v1.2.3`))).not.toThrow();
  expect(() => checkWorkflow("ci.yml", workflow("./.github/actions/own"))).not.toThrow();
});

test.each([
  workflow("actions/checkout@v4"),
  workflow("actions/checkout@main # v7.0.1"),
  workflow(`actions/checkout@${sha.slice(0, 12)} # v7.0.1`),
  workflow(`actions/checkout@${sha}`),
  workflow(`actions/checkout@${sha} # main`),
  workflow("docker://alpine:3"),
  workflow(`actions/checkout@${sha} # v7.0.1`).replace(
    "- uses:",
    "- { name: x, uses: actions/checkout@v4 }\n      - uses:",
  ),
  workflow(`actions/checkout@${sha} # v7.0.1`, ""),
  workflow(`actions/checkout@${sha} # v7.0.1`, "permissions: write-all"),
  workflow(`actions/checkout@${sha} # v7.0.1`, "permissions:\n  contents: write"),
  workflow(`actions/checkout@${sha} # v7.0.1`).replace("on: push", "on: pull_request_target"),
  workflow(`actions/checkout@${sha} # v7.0.1`).replace(".ci/run", "x secrets.NPM_TOKEN"),
])("is refused: %#", (text) => expect(() => checkWorkflow("ci.yml", text)).toThrow());
