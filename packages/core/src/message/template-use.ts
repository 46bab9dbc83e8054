import type { JsonObject } from "../json.js";
import { lookUpLanguage } from "./language.js";
import type { TemplateVersion } from "./stored-template.js";
import { type CompiledTemplate, compileTemplate } from "./template.js";
import { type TagProblem, tagProblems } from "./template-tag.js";
import { Formatters } from "./value-format.js";

/** A version as messages are made of it. */
export interface TemplateUse {
  /** By language. Their hashes lead back to the version. */
  readonly variants: ReadonlyMap<string, CompiledTemplate>;
  /** The variant for a recipient's locale. */
  pick(locale: string | undefined): CompiledTemplate;
  /** Why data cannot be merged, in any language; to be asked before anything is queued. */
  problems(data: JsonObject): readonly TagProblem[];
}

export function templateUse({ variants: stored, tags, fallback }: TemplateVersion): TemplateUse {
  const formatters = new Formatters();
  const variants = new Map(
    stored.map(({ language, content }) => [language, compileTemplate(content, `variants.${language}`, formatters)]),
  );
  const languages = [...variants.keys()];
  return {
    variants,
    pick: (locale) => variants.get(lookUpLanguage(locale, languages, fallback))!,
    problems: (data) => tagProblems(tags, data),
  };
}
