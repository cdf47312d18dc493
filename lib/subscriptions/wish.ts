/** What a subscription is asked for with, from either side. */
import * as z from "zod/mini";
import { isOutsideId } from "../domain/identifiers.ts";
import { isPropertyName } from "../domain/names.ts";
import type { Scope } from "../domain/scope.ts";
import { ServiceError } from "../errors.ts";

const segment = z.pipe(
  z.nullish(z.string().check(z.maxLength(1_024))),
  z.transform((text) => text ?? ""),
);

/** The fields that say what a subscription covers. Null, empty and absent are none. */
export const scopeFields = {
  target: z.string().check(z.refine(isOutsideId, "is not a valid target")),
  subtarget: segment.check(z.refine((text) => text === "" || isPropertyName(text), "is not a valid name")),
  resource: segment.check(z.refine(isResource, "is not a valid path")),
};

export const granularities = z.enum(["high", "low", "none"]);

/** The scope those fields name. @throws ServiceError request.invalid for a resource without a subtarget */
export function wishedScope(body: { target: string; subtarget: string; resource: string }): Scope {
  if (body.resource !== "" && body.subtarget === "") {
    throw new ServiceError("request.invalid", "resource needs a subtarget.", { field: "resource" });
  }
  return {
    target: body.target,
    ...(body.subtarget === "" ? {} : { subtarget: body.subtarget }),
    ...(body.resource === "" ? {} : { resource: body.resource }),
  };
}

function isResource(text: string): boolean {
  if (text === "") return true;
  return text.split("/").every((part) => part !== "." && part !== ".." && (part === "" || isPropertyName(part)));
}
