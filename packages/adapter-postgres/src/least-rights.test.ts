import { randomBytes } from "node:crypto";
import { createMilepost, membersWithRole, memoryNotifier, milestone, thresholds } from "@milepost/core";
import { expect, inject, onTestFinished, test } from "vitest";
import { Sandbox } from "./postgres-harness.js";

test("an application needs no more than docs/security.md says once its schema is there", async () => {
  const sandbox = new Sandbox(inject("databaseUrl"));
  const owner = sandbox.pool();
  const role = `app_${randomBytes(8).toString("hex")}`;
  onTestFinished(async () => {
    await owner.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    await sandbox.dispose();
  });
  await sandbox.store({}, owner).migrate();
  await owner.query(`CREATE ROLE ${role};
    GRANT USAGE ON SCHEMA ${sandbox.schema} TO ${role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${sandbox.schema} TO ${role}`);

  const notifier = memoryNotifier();
  const engine = (...values: number[]) =>
    createMilepost({
      store: sandbox.store({}, sandbox.pool({ options: `-c role=${role}` })),
      milestones: [
        milestone({
          name: "m",
          metric: "x",
          policy: thresholds(...values),
          recipients: membersWithRole("owner"),
          message: { text: "{{value}}" },
          notifier,
        }),
      ],
    });
  await engine(1).ready();
  const milepost = engine(2); // installed anew, under the lock
  expect(await milepost.migrate()).toEqual({ applied: [] });
  await milepost.subjects.put({ id: "acme", members: [{ address: "olga@acme.example", role: "owner" }] });
  await milepost.recordMany(["a", "b"].map((id) => ({ id, metric: "x", subject: "acme" })));
  await milepost.runOnce();
  notifier.expectSent(1, { to: "olga@acme.example", text: "2" });
  await milepost.lanes.pause({ notifier: "memory", by: "ann", why: "test" });

  await expect(
    sandbox.store({ tablePrefix: "new_" }, sandbox.pool({ options: `-c role=${role}` })).migrate(),
  ).rejects.toMatchObject({
    code: "store_failed",
    cause: { code: "42501" },
  });
});
