/** The bodies of the trust routes. Unknown fields are ignored; `"true"` and `"false"` count as booleans. */
import * as z from "zod/mini";
import { isOutsideId } from "../domain/terms/identifiers.ts";
import { isRelationship } from "../domain/policy/relationships.ts";
import { notTaken } from "../http/not-taken.ts";
import { permissionSetBody } from "./permission-body.ts";

const shortText = z.string().check(
  z.maxLength(1024),
  z.refine((value) => value.isWellFormed(), "must be well-formed text"),
);
const url = z.string().check(z.minLength(1), z.maxLength(2048));
const id = z.string().check(z.refine(isOutsideId, "must be 1 to 128 of A-Z a-z 0-9 . _ ~ -"));
/** The bearers that a header can carry. */
const secret = z
  .string()
  .check(
    z.minLength(8, "must have at least 8 characters"),
    z.maxLength(512),
    z.regex(/^[A-Za-z0-9._~+/=-]+$/, "must be made of what a bearer may hold"),
  );
const relationship = z.string().check(z.refine(isRelationship, "must be a relationship"));
/** Many clients send null for what they leave out. */
const optional = <T extends z.ZodMiniType>(schema: T) =>
  z.pipe(
    z.nullish(schema),
    z.transform((value) => value ?? undefined),
  );

/** Reads booleans as peers in the field write them. */
export const looseBoolean = z.union([
  z.boolean(),
  z.pipe(
    z.enum(["true", "false"]),
    z.transform((value) => value === "true"),
  ),
]);

/** `POST /trust`. A new trust is approved and has its relationship's permissions; a body that asks for less is refused. */
export const initiationBody = z.object({
  url,
  approved: notTaken("the trust begins approved; PUT approved at the trust afterwards", [true, "true"]),
  permissions: notTaken("PUT them at the trust once it is there"),
  relationship: optional(
    z.union([
      relationship,
      z.pipe(
        z.literal(""),
        z.transform(() => undefined),
      ),
    ]),
  ),
  type: optional(shortText),
  desc: optional(shortText),
  secret: optional(secret),
});

/** `POST /trust/{relationship}`. */
export const receptionBody = z.object({
  baseuri: url,
  id,
  type: optional(shortText),
  secret,
  desc: optional(shortText),
  verify: optional(shortText),
});

/** `POST /trust/{relationship}/{peerId}`. */
export const peerApprovalBody = z.object({ approved: looseBoolean });

const standing = z.optional(z.unknown());

/** `PUT /trust/{relationship}/{peerId}`: what changes, and members of the record that do not (`demandStanding`). */
export const changeBody = z.object({
  approved: optional(looseBoolean),
  desc: optional(shortText),
  baseuri: optional(url),
  permissions: optional(permissionSetBody),
  id: standing,
  peerid: standing,
  type: standing,
  relationship: standing,
  secret: standing,
  peer_approved: standing,
  verified: standing,
  verification_token: standing,
  verificationToken: standing,
  created_at: standing,
});
export type ChangeBody = z.output<typeof changeBody>;

/** `PUT /trust/trustee`. A colon would end the user name of Basic credentials. */
export const trusteeBody = z.object({
  trustee_root: shortText,
  creator: optional(shortText.check(z.minLength(1), z.maxLength(256), z.regex(/^[^:]*$/, "must not contain a colon"))),
});
