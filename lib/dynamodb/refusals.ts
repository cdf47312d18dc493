import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionConflictException,
} from "@aws-sdk/client-dynamodb";
import type { AttributeValue, CancellationReason } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { fromDocument } from "./attributes.ts";
import { readingOptions } from "./client.ts";
import { ConditionFailed, TransactionRefused } from "./table.ts";
import type { Item } from "./table.ts";

/** Another transaction was writing the item: nothing happened, and the same write may be sent again. */
export function isConflict(error: unknown): boolean {
  if (error instanceof TransactionConflictException) return true;
  if (!(error instanceof TransactionRefused)) return false;
  const codes = error.reasons.map((reason) => reason.code);
  return codes.includes("conflict") && !codes.includes("condition") && !codes.includes("other");
}

/** The table port's error for the SDK's, where it has one; any other error as it is. */
export function refusal(error: unknown): unknown {
  if (error instanceof ConditionalCheckFailedException) return new ConditionFailed(itemOf(error.Item));
  if (error instanceof TransactionCanceledException) {
    return new TransactionRefused((error.CancellationReasons ?? []).map(reasonOf));
  }
  return error;
}

const REASONS: Readonly<Record<string, "none" | "condition" | "conflict">> = {
  None: "none",
  ConditionalCheckFailed: "condition",
  TransactionConflict: "conflict",
};

function reasonOf(reason: CancellationReason): TransactionRefused["reasons"][number] {
  const code = REASONS[reason.Code ?? "None"] ?? "other";
  const item = code === "condition" ? itemOf(reason.Item) : undefined;
  return item ? { code, item } : { code };
}

/** Errors carry items as they are on the wire: the document client translates answers only. */
function itemOf(wire: Record<string, AttributeValue> | undefined): Item | undefined {
  if (!wire || Object.keys(wire).length === 0) return undefined;
  return fromDocument(unmarshall(wire, readingOptions())) as Item;
}
