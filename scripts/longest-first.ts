import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that run for minutes, and mostly wait: started first, so that the others fill that time. */
const longest = /(scenarios\.\w+|races|adapter-postgres\/src\/conformance)\.test\.ts$/;

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

function isLong({ moduleId }: TestSpecification): boolean {
  return longest.test(moduleId);
}
