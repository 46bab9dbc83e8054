import * as z from "zod";
import { MilepostError } from "../errors.js";
import { plainObject } from "../json.js";
import { type Agrees, listOf, parseInput } from "../validation.js";
import { canonicalLanguage } from "./language.js";
import type { NewTemplateVersion, TemplateVariant } from "./stored-template.js";
import { compileTemplate, missingTags } from "./template.js";
import { refusedTemplate } from "./template-node.js";
import { formatsOf, type TemplateTag, tagProblems, tagTypes, undeclaredTag } from "./template-tag.js";

/** A template in one language: mustache, as in a milestone's message. A text or an html part is there. */
export interface VariantInput {
  readonly subject?: string;
  readonly text?: string;
  readonly html?: string;
}

export type VariantInputs = Readonly<Record<string, VariantInput>>;

/** What a version says. */
export interface VersionInput {
  /** By language, a BCP 47 tag: `{ en: { text: "Dear {{name}}" }, ar: { text: "عزيزي {{name}}" } }`. 1 to 50. */
  readonly variants: VariantInputs;
  /** The language of those whose own is not there; may be left out where there is one variant. */
  readonly fallback?: string;
  /** All that the variants merge, 200 at most. */
  readonly tags?: readonly TemplateTag[];
  /** Data to show it with: plain JSON, 64 kB at most, with a value for whatever stands outside of sections. */
  readonly sample?: Record<string, unknown>;
  /** How many items, such as invoices, one mail takes; any number unless said. */
  readonly maxItems?: number;
}

const variantSchema = z.strictObject({
  subject: z.string().optional(),
  text: z.string().optional(),
  html: z.string().optional(),
});

const tagSchema = z.strictObject({
  path: z
    .string()
    .max(200, { abort: true })
    .regex(/^[^\s{}.]+(?:\.[^\s{}.]+)*$/, "names joined by dots, as in customer.name")
    .refine((path) => path.isWellFormed() && !path.includes("\0"), "text without NUL and lone surrogates"),
  type: z.enum(tagTypes),
  required: z.boolean().default(false),
});

const maxVariants = 50;

export const versionFields: {
  readonly variants: z.ZodType<VariantInputs, VariantInputs>;
  readonly fallback: z.ZodOptional<z.ZodString>;
  readonly tags: z.ZodOptional<z.ZodType<readonly TemplateTag[], readonly TemplateTag[]>>;
  readonly sample: z.ZodOptional<z.ZodType<Record<string, unknown>, Record<string, unknown>>>;
  readonly maxItems: z.ZodOptional<z.ZodInt>;
} = {
  // zod makes no difference between an absent part and an undefined one; checkedVariant leaves those out
  variants: z.record(z.string().max(64), variantSchema).refine((variants) => {
    const { length } = Object.keys(variants);
    return length > 0 && length <= maxVariants;
  }, `1 to ${maxVariants} languages`) as unknown as z.ZodType<VariantInputs, VariantInputs>,
  fallback: z.string().max(64).optional(),
  tags: (listOf(tagSchema, 200) as z.ZodType<readonly TemplateTag[], readonly TemplateTag[]>).optional(),
  sample: z.custom<Record<string, unknown>>().optional(),
  maxItems: z.int().min(1).max(10_000).optional(),
};

const versionSchema = z.strictObject(versionFields);

true satisfies Agrees<typeof variantSchema, VariantInput>;
true satisfies Agrees<typeof tagSchema, TemplateTag>;

/**
 * A version as it may be stored: every variant compiles, merges declared tags only, and can be rendered with the sample
 * data. Throws `invalid_template` with the path of what is wrong, as `variants.ar.html`.
 */
export function checkedVersion(input: unknown): NewTemplateVersion {
  const {
    variants: given,
    fallback,
    tags = [],
    sample: shown = {},
    maxItems = null,
  } = parseInput(versionSchema, input, "invalid_template");
  const paths = new Set<string>();
  for (const [i, { path }] of tags.entries()) {
    if (paths.has(path)) throw refusedTemplate(`tags[${i}].path`, "each path once");
    paths.add(path);
  }
  const sample = plainObject(shown, "sample", "invalid_template");
  const [problem] = tagProblems(tags, sample);
  if (problem !== undefined) throw refusedTemplate(`sample.${problem.tag}`, problem.expected);

  const variants = Object.entries(given)
    .map(([tag, parts]) => checkedVariant(tag, parts, tags))
    .sort((a, b) => (a.language < b.language ? -1 : 1));
  const languages = variants.map(({ language }) => language);
  for (const [i, language] of languages.entries()) {
    if (language === languages[i - 1]) throw refusedTemplate(`variants.${language}`, "each language once");
  }
  for (const { language, content } of variants) {
    const path = `variants.${language}`;
    const compiled = compileTemplate(content, path);
    const [missing] = missingTags(compiled, sample);
    if (missing !== undefined) throw refusedTemplate(`sample.${missing}`, `a value for {{${missing}}} of ${path}`);
    try {
      compiled.render(sample);
    } catch (error) {
      if (!MilepostError.is(error)) throw error;
      throw refusedTemplate(path, `to be rendered with the sample data (${error.message})`, error);
    }
  }
  return { variants, fallback: fallbackOf(fallback, languages), tags, sample, maxItems };
}

function checkedVariant(tag: string, parts: VariantInput, tags: readonly TemplateTag[]): TemplateVariant {
  const path = `variants.${tag}`;
  const language = canonicalLanguage(tag);
  if (language === undefined) throw refusedTemplate(path, "a BCP 47 language tag, as in pt-BR");
  const { subject, text, html } = parts;
  const content = {
    ...(subject !== undefined && { subject }),
    ...(text !== undefined && { text }),
    ...(html !== undefined && { html }),
    language,
    ...formatsOf(tags),
  };
  const { template, hash, nodes } = compileTemplate(content, path);
  for (const [part, parsed] of nodes) {
    const undeclared = undeclaredTag(parsed, tags);
    if (undeclared !== undefined) throw refusedTemplate(`${path}.${part}`, `only declared tags, not {{${undeclared}}}`);
  }
  return { language, hash, content: template };
}

function fallbackOf(given: string | undefined, languages: readonly string[]): string {
  const fallback = given === undefined && languages.length === 1 ? languages[0] : canonicalLanguage(given ?? "");
  if (fallback !== undefined && languages.includes(fallback)) return fallback;
  throw refusedTemplate("fallback", `the language of a variant: ${languages.join(", ")}`);
}
