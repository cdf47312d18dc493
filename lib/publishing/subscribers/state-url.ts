import type { Scope } from "../../domain/terms/scope.ts";

/** Where what a subscription covers is read, below its actor's root. */
export function stateUrl(root: string, { target, subtarget, resource }: Scope): string {
  const below = [target, ...(subtarget === undefined ? [] : [subtarget]), ...(resource ?? "").split("/")];
  return [root, ...below.filter((segment) => segment !== "").map(encodeURIComponent)].join("/");
}
