import { describe, expect, it } from "vitest";
import { servedBy } from "../../../infra/functions.ts";
import { DEFAULT_AREA, pathsByArea } from "../../../lib/api/route-table.ts";
import { RouteTable } from "../../../infra/local/route-table.ts";

const paths = [...pathsByArea()];
const gateway = new RouteTable([
  { routeKey: "$default", functionName: servedBy[DEFAULT_AREA], timeoutMs: 1_000 },
  ...paths.map(([path, area]) => ({ routeKey: `ANY ${path}`, functionName: servedBy[area], timeoutMs: 1_000 })),
]);
const chosen = (path: string): string | undefined => gateway.match("GET", path)?.route.routeKey;

/** A request of that path: a variable is one segment, a greedy one two. */
const sample = (path: string): string => path.replaceAll(/\{\w+\+\}/g, "x/y").replaceAll(/\{\w+\}/g, "x");

describe("the listed routes", () => {
  it.each(paths)("has %s to itself", (path) => {
    expect(chosen(sample(path))).toBe(`ANY ${path}`);
  });

  it("leave all other paths of an actor to own targets", () => {
    expect(chosen("/x/resources")).toBe("ANY /{actorId}/{target}");
    expect(chosen("/x/resources/a/b/c")).toBe("ANY /{actorId}/{target}/{path+}");
    expect(chosen("/x/healthz")).toBe("ANY /{actorId}/{target}");
  });

  it("leave the rest to the default", () => {
    expect(chosen("//trust")).toBe("$default");
  });
});
