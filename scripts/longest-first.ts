import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that run for minutes, mostly waiting: started first, so that the others fill that time. */
const longest = /(scenarios\.\w+|power-cut|failpoints|races)\.test\.ts$/;

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

function isLong({ moduleId }: TestSpecification): boolean {
  return longest.test(moduleId);
}
