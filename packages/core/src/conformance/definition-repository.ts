import type { ConformanceCase } from "./case.js";
import { definitionAdoptedCases } from "./definition-adopted.js";
import { definitionInstallCases } from "./definition-install.js";
import { definitionInstallOnceCases } from "./definition-install-once.js";

export const definitionCases: readonly ConformanceCase[] = [
  ...definitionInstallCases,
  ...definitionInstallOnceCases,
  ...definitionAdoptedCases,
];
