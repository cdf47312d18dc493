const KEPT = Symbol.for("origins of services that are checked");
const kept = (Reflect.get(globalThis, KEPT) as Set<string> | undefined) ?? new Set<string>();
Reflect.set(globalThis, KEPT, kept);

/** The services whose exchanges are checked against the OpenAPI document, of all test files of one process. */
export const checkedOrigins = kept;
