import type * as z from "zod";
import { keySchema, withMethod } from "../validation.js";
import { deliveryModes, type Notifier } from "./notifier.js";

const year = 366 * 86_400_000;

export const notifierSchema: z.ZodType<Notifier> = withMethod<Notifier>("send").check((context) => {
  const { name, channel, mode, keyLifetime } = context.value;
  const refuse = (path: string, message: string) =>
    context.issues.push({ code: "custom", path: [path], message, input: "" });
  if (!keySchema.safeParse(name).success) refuse("name", "a text key of 1 to 200 bytes");
  if (!keySchema.safeParse(channel).success) refuse("channel", "a text key of 1 to 200 bytes");
  if (!deliveryModes.includes(mode)) refuse("mode", `one of ${deliveryModes.join(", ")}`);
  if (
    (mode === "idempotent") !== (keyLifetime !== undefined) ||
    (keyLifetime !== undefined && !(Number.isSafeInteger(keyLifetime) && keyLifetime > 0 && keyLifetime <= year))
  ) {
    refuse("keyLifetime", "whole milliseconds above 0 and up to a year, exactly with the mode idempotent");
  }
});
