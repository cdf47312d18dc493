import type { RouteDefinition } from "./template.ts";

/** The route that a request matched. */
export interface Match {
  readonly route: RouteDefinition;
  readonly pathParameters: Readonly<Record<string, string>>;
}

interface Segment {
  readonly kind: "literal" | "variable" | "greedy";
  readonly name: string;
}

interface Compiled {
  readonly route: RouteDefinition;
  readonly method: string;
  readonly segments: readonly Segment[];
}

const RANK = { literal: 0, variable: 1, greedy: 2 } as const;

/**
 * Chooses the route of a request as an HTTP API does: literal segments before variables before a greedy variable, then a
 * method before `ANY`, then `$default`.
 */
export class RouteTable {
  readonly #routes: readonly Compiled[];
  readonly #fallback: RouteDefinition | undefined;

  constructor(routes: readonly RouteDefinition[]) {
    this.#fallback = routes.find((route) => route.routeKey === "$default");
    this.#routes = routes
      .filter((route) => route.routeKey !== "$default")
      .map(compile)
      .sort(bySpecificity);
  }

  /** The route for a method and a path from `gatewayPath`. */
  match(method: string, path: string): Match | undefined {
    const parts = path.split("/").slice(1);
    for (const candidate of this.#routes) {
      if (candidate.method !== "ANY" && candidate.method !== method) continue;
      const pathParameters = parametersOf(candidate.segments, parts);
      if (pathParameters) return { route: candidate.route, pathParameters };
    }
    return this.#fallback && { route: this.#fallback, pathParameters: {} };
  }
}

function compile(route: RouteDefinition): Compiled {
  const [method = "", path = ""] = route.routeKey.split(" ");
  const segments = path
    .split("/")
    .slice(1)
    .map((text): Segment => {
      const variable = /^\{([^}+]+)(\+?)\}$/.exec(text);
      if (!variable) return { kind: "literal", name: text };
      return { kind: variable[2] === "+" ? "greedy" : "variable", name: variable[1] ?? "" };
    });
  return { route, method, segments };
}

function bySpecificity(a: Compiled, b: Compiled): number {
  for (const [at, segment] of a.segments.entries()) {
    const other = b.segments[at];
    if (!other) break;
    if (segment.kind !== other.kind) return RANK[segment.kind] - RANK[other.kind];
  }
  if (a.segments.length !== b.segments.length) return b.segments.length - a.segments.length;
  return Number(a.method === "ANY") - Number(b.method === "ANY");
}

function parametersOf(segments: readonly Segment[], parts: readonly string[]): Record<string, string> | undefined {
  const found: [string, string][] = [];
  for (const [at, segment] of segments.entries()) {
    const part = parts[at];
    if (part === undefined) return undefined;
    if (segment.kind === "greedy") {
      const rest = parts.slice(at).join("/");
      return rest === "" ? undefined : Object.fromEntries([...found, [segment.name, rest]]);
    }
    if (segment.kind === "literal" && part !== segment.name) return undefined;
    if (segment.kind === "variable") {
      if (part === "") return undefined;
      found.push([segment.name, part]);
    }
  }
  return parts.length === segments.length ? Object.fromEntries(found) : undefined;
}
