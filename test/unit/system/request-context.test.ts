import { expect, it } from "vitest";
import { currentTrace, requestContext } from "../../../lib/system/request-context.ts";

it("keeps the ids of concurrent requests apart, and has none outside of a request", async () => {
  const seen = async (requestId: string, traceparent?: string) =>
    await requestContext.run({ requestId, ...(traceparent === undefined ? {} : { traceparent }) }, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return currentTrace();
    });
  expect(await Promise.all([seen("one", "00-a-b-01"), seen("two")])).toEqual([
    { requestId: "one", traceparent: "00-a-b-01" },
    { requestId: "two" },
  ]);
  expect(currentTrace()).toEqual({});
});
