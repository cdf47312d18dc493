/** CPU profiles as a flame graph: each box is a function, as wide as its share of the time, on top of its caller. */

/** A profile as V8 writes it. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

/** A function, with all that it calls. */
export interface Frame {
  readonly name: string;
  /** Where the function comes from: a package, a room, or Node. */
  readonly origin: string;
  /** Microseconds, calls included. */
  time: number;
  readonly calls: Map<string, Frame>;
}

const WIDTH = 1200;
const ROW = 17;
const TOP = 44;
const LEAST_SHARE = 0.004;
const CHARACTER = 6.6;
/** Time in which the thread waits, which is none of the functions'. */
const NOT_WORK = new Set(["(idle)", "(program)"]);

/**
 * The calls of a profile, equal ones merged, without the time in which the thread waited.
 * @param originOf where the function at a place of a script comes from
 */
export function framesOf(profile: CpuProfile, originOf: (url: string, line: number) => string): Frame {
  const own = new Map<number, number>();
  profile.samples.forEach((id, at) => own.set(id, (own.get(id) ?? 0) + (profile.timeDeltas[at] ?? 0)));
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const root: Frame = { name: "all", origin: "", time: 0, calls: new Map() };
  const add = (id: number, caller: Frame): number => {
    const node = nodes.get(id);
    if (node === undefined || NOT_WORK.has(node.callFrame.functionName)) return 0;
    const { functionName, url, lineNumber } = node.callFrame;
    const origin = functionName.startsWith("(") && url === "" ? "V8" : originOf(url, lineNumber);
    const name = functionName === "" ? "(unnamed)" : functionName;
    const key = `${name} ${origin}`;
    const frame = caller.calls.get(key) ?? { name, origin, time: 0, calls: new Map<string, Frame>() };
    caller.calls.set(key, frame);
    const time = (node.children ?? []).reduce((sum, child) => sum + add(child, frame), own.get(id) ?? 0);
    frame.time += time;
    return time;
  };
  const [first] = profile.nodes;
  for (const child of first?.children ?? []) root.time += add(child, root);
  return root;
}

/** Microseconds of each origin itself, without what it calls; most first. */
export function timesByOrigin(root: Frame): readonly (readonly [origin: string, time: number])[] {
  const times = new Map<string, number>();
  const add = (frame: Frame): void => {
    let own = frame.time;
    for (const call of frame.calls.values()) {
      own -= call.time;
      add(call);
    }
    if (frame !== root) times.set(frame.origin, (times.get(frame.origin) ?? 0) + own);
  };
  add(root);
  return [...times].toSorted((one, other) => other[1] - one[1]);
}

/** The graph, without boxes of less than 0.4 % of the time. */
export function flameSvg(root: Frame, title: string): string {
  const boxes: string[] = [];
  let depths = 0;
  const draw = (frame: Frame, x: number, depth: number): void => {
    depths = Math.max(depths, depth);
    const width = (frame.time / root.time) * WIDTH;
    const share = `${((100 * frame.time) / root.time).toFixed(1)} %`;
    const y = TOP + depth * ROW;
    const fits = Math.floor((width - 4) / CHARACTER);
    const label =
      fits < 3 ? "" : `<text x="${(x + 2).toFixed(1)}" y="${y + 12}">${escaped(frame.name.slice(0, fits))}</text>`;
    boxes.push(
      `<g><title>${escaped(`${frame.name} (${frame.origin}) ${share}`)}</title>` +
        `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colorOf(frame.origin)}"/>` +
        `${label}</g>`,
    );
    let at = x;
    for (const call of byTime(frame)) {
      if (call.time < LEAST_SHARE * root.time) continue;
      draw(call, at, depth + 1);
      at += (call.time / root.time) * WIDTH;
    }
  };
  let at = 0;
  for (const call of byTime(root)) {
    if (call.time < LEAST_SHARE * root.time) continue;
    draw(call, at, 0);
    at += (call.time / root.time) * WIDTH;
  }
  const height = TOP + (depths + 1) * ROW;
  const legend = ["lib", "SDK", "other packages", "Node", "V8"].map(
    (name, place) =>
      `<rect x="${place * 130}" y="22" width="12" height="12" fill="${COLORS[name] ?? ""}"/>` +
      `<text x="${place * 130 + 16}" y="32">${name}</text>`,
  );
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">\n` +
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/><text x="0" y="14">${escaped(title)}</text>\n` +
    `${[...legend, ...boxes].join("\n")}\n</svg>\n`
  );
}

const COLORS: Readonly<Record<string, string>> = {
  lib: "#7fc97f",
  SDK: "#fdc086",
  "other packages": "#beaed4",
  Node: "#a6cee3",
  V8: "#dddddd",
};

function colorOf(origin: string): string {
  if (/^(lib|functions)\//.test(origin)) return COLORS["lib"] ?? "";
  if (/^@(aws-sdk|smithy)\//.test(origin)) return COLORS["SDK"] ?? "";
  return COLORS[origin] ?? COLORS["other packages"] ?? "";
}

const byTime = (frame: Frame): Frame[] => [...frame.calls.values()].toSorted((one, other) => other.time - one.time);

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
