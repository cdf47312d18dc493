/**
 * Property tests draw the same cases on every run, so that a red run means a change. `PROPERTY_SEED=random`, or a number,
 * draws others.
 */
import process from "node:process";
import fc from "fast-check";

const requested = process.env["PROPERTY_SEED"] ?? "20261121";
if (requested !== "random") fc.configureGlobal({ seed: Number(requested) });
