import { randomBytes } from "node:crypto";
import type { Ids } from "./ports.ts";

/** Ids and secrets from the operating system's random source. */
export const randomIds: Ids = {
  id: () => randomBytes(16).toString("hex"),
  secret: () => randomBytes(20).toString("hex"),
};
