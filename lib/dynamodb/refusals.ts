import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionConflictException,
  type CancellationReason,
} from "@aws-sdk/client-dynamodb";
import { itemFromWire, type WireItem } from "./attributes.ts";
import { failureOf } from "../system/failures.ts";
import { ConditionFailed, TransactionRefused, type Item } from "./table.ts";

/**
 * Why an attempt failed. `throttled` and `conflict`: it did nothing; `unknown`: its answer is lost, so that a write may have
 * happened.
 */
export type RetryCause = "throttled" | "conflict" | "unknown";

/** Why the request that failed with this error of `refusal` may be sent again; undefined when it may not. */
export function causeOf(refused: unknown): RetryCause | undefined {
  if (refused instanceof TransactionConflictException) return "conflict";
  if (!(refused instanceof TransactionRefused)) return failureOf(refused);
  const codes = refused.reasons.map(({ code }) => code);
  if (codes.includes("condition")) return undefined;
  return codes.includes("throttled") ? "throttled" : "conflict";
}

/**
 * The table port's error for an error of the SDK, where the port has one; any other error unchanged. So a transaction that can
 * never succeed (ValidationError, ItemCollectionSizeLimitExceeded) is not taken for one that lost against another writer.
 */
export function refusal(error: unknown): unknown {
  if (error instanceof ConditionalCheckFailedException) return new ConditionFailed(itemOf(error.Item));
  if (!(error instanceof TransactionCanceledException)) return error;
  const reasons = (error.CancellationReasons ?? []).map(reasonOf).filter((reason) => reason !== undefined);
  const understood = reasons.length > 0 && reasons.length === error.CancellationReasons?.length;
  return understood ? new TransactionRefused(reasons) : error;
}

type Reason = TransactionRefused["reasons"][number];

const REASONS: Readonly<Record<string, Reason["code"]>> = {
  None: "none",
  ConditionalCheckFailed: "condition",
  TransactionConflict: "conflict",
  ThrottlingError: "throttled",
  ProvisionedThroughputExceeded: "throttled",
};

/** Undefined for a reason that a retry cannot change. */
function reasonOf(reason: CancellationReason): Reason | undefined {
  const code = REASONS[reason.Code ?? "None"];
  if (code === undefined) return undefined;
  const item = code === "condition" ? itemOf(reason.Item) : undefined;
  return item ? { code, item } : { code };
}

function itemOf(wire: WireItem | undefined): Item | undefined {
  return wire === undefined || Object.keys(wire).length === 0 ? undefined : itemFromWire(wire);
}
