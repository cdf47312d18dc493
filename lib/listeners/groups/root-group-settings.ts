/** What an operator says of a consumer group over all actors. A PUT states all of it. */
import * as z from "zod/mini";
import { groupBody, readGroupRequest, type GroupRequest } from "./group-settings.ts";

/** The longest position in the events of all actors. */
const MAX_FROM_LENGTH = 400;

export const rootGroupBody = z.extend(groupBody, {
  from: z.nullish(z.string().check(z.minLength(1), z.maxLength(MAX_FROM_LENGTH))),
});

/** Reads what a PUT asks for. @throws ServiceError request.invalid which names the field */
export const readRootGroupRequest = (value: unknown): GroupRequest => readGroupRequest(value, rootGroupBody);
