import { isRelationship } from "../domain/policy/relationships.ts";
import { ServiceError } from "../system/errors.ts";

/** The name, if a relationship may be called so. @throws ServiceError request.invalid */
export function demandRelationship(name: string): string {
  if (isRelationship(name)) return name;
  throw new ServiceError("request.invalid", `${JSON.stringify(name)} is no name for a relationship.`);
}
