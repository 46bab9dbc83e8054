import { expect, inject, test } from "vitest";
import { failpointNames, stepsOffTheWay, stepsOnTheWay } from "../fault/path-steps.js";
import { stepNames } from "../fault/store-steps.js";
import { openPlace, storeNames } from "../place/place.js";
import { openPlaces } from "../place/places.js";
import { bundlePrograms } from "../process/bundle.js";
import { Crew } from "../process/crew.js";
import type { VictimInput, VictimReport } from "../program/victim.js";
import { startSink } from "../sink/sink.js";

test.each(storeNames)(
  "every step of the contract is on the way from record() to sent, or declared to be off it: %s",
  async (store) => {
    const places = await openPlaces(store, inject("databaseUrl"));
    try {
      const opened = openPlace(await places.create({ migrated: false }));
      const declared = [
        ...Object.entries(stepsOnTheWay).flatMap(([room, steps]) =>
          Object.keys(steps).map((name) => `${room}.${name}`),
        ),
        ...Object.entries(stepsOffTheWay).flatMap(([room, names]) => names.map((name) => `${room}.${name}`)),
      ];
      expect(stepNames(opened.store).toSorted()).toEqual(declared.toSorted());
      await opened.close();
    } finally {
      await places.dispose();
    }
  },
);

test.each(storeNames)(
  "a process that nobody kills passes every failpoint, and no other: %s",
  { timeout: 120_000 },
  async (store) => {
    const places = await openPlaces(store, inject("databaseUrl"));
    const programs = await bundlePrograms();
    const crew = new Crew(programs);
    try {
      const sink = await startSink(crew, places.folder);
      const input: VictimInput = { place: await places.create(), sinkPort: sink.port, mode: "at-most-once" };
      const victim = crew.start("victim", input);
      const { hits } = await victim.next<VictimReport>();
      await victim.finished();
      const off = Object.entries(stepsOffTheWay).flatMap(([room, names]) => names.map((name) => `${room}.${name}`));
      // the program itself fills the directory and asks whether it is done
      const passed = hits
        .map(([point]) => point)
        .filter((point) => !off.some((step) => point.split(/[:/]/)[0] === step));
      expect(passed.toSorted()).toEqual([...failpointNames(store)].sort());
    } finally {
      await crew.dispose();
      await programs.dispose();
      await places.dispose();
    }
  },
);
