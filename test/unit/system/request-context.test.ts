import { expect, it } from "vitest";
import { currentDeadline, currentTrace, requestContext, within } from "../../../lib/system/request-context.ts";

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

it("ends work within work by the earlier of both deadlines, with the ids of the outer one", async () => {
  const left = (ms: number) => ({ remaining: () => ms });
  const seen = async (ms: number) =>
    await within(left(ms), async () => await Promise.resolve([currentDeadline()?.remaining(), currentTrace()]));
  await requestContext.run({ requestId: "one", deadline: left(10) }, async () => {
    expect(await seen(5)).toEqual([5, { requestId: "one" }]);
    expect(await seen(15)).toEqual([10, { requestId: "one" }]);
  });
  expect(await seen(5)).toEqual([5, {}]);
  expect(currentDeadline()).toBeUndefined();
});
