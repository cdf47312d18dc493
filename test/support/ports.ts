/**
 * Ports for servers that start later, in another process, or a second time. A port that the kernel gave out for a moment
 * may go to any connection before the server listens; these lie outside the range that the kernel gives out, and each
 * process takes them from blocks of its own.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";

const HOST = "127.0.0.1";
const BLOCK = 20;
const LOWEST = 10_000;
const HIGHEST = 65_000;
/** IANA's range, for systems that do not say which ports they give out. */
const USUAL: readonly [number, number] = [49_152, 65_535];

function givenOut(): readonly [number, number] {
  try {
    const [low, high] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").trim().split(/\s+/).map(Number);
    return [low ?? USUAL[0], high ?? USUAL[1]];
  } catch {
    return USUAL;
  }
}

/** The first ports of all blocks; each process begins at another. */
function blocks(): number[] {
  const [low, high] = givenOut();
  const all = Array.from({ length: (HIGHEST - LOWEST) / BLOCK }, (_, index) => LOWEST + index * BLOCK);
  const outside = all.filter((first) => first + BLOCK <= low || first > high);
  const usable = outside.length > 0 ? outside : all;
  const begin = process.pid % usable.length;
  return [...usable.slice(begin), ...usable.slice(0, begin)];
}

async function listening(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port, HOST);
  try {
    await once(server, "listening");
    return server;
  } catch {
    return undefined;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = await listening(port);
  if (!server) return false;
  server.close();
  await once(server, "close");
  return true;
}

/** Blocks that this process has not tried. */
const untried = blocks();
/** Ports of its own blocks that it has not given out. */
const left: number[] = [];

/** A block belongs to the process that listens on its first port, until that process ends. */
async function takeBlock(): Promise<void> {
  for (let first = untried.shift(); first !== undefined; first = untried.shift()) {
    const server = await listening(first);
    if (!server) continue;
    server.unref();
    for (let port = first + 1; port < first + BLOCK; port += 1) left.push(port);
    return;
  }
  throw new Error("no port is free outside the range that the kernel gives out");
}

/** A port of 127.0.0.1 on which nothing listens. The port stays the caller's until this process ends. */
export async function reservedPort(): Promise<number> {
  for (;;) {
    if (left.length === 0) await takeBlock();
    const port = left.shift();
    if (port !== undefined && (await isFree(port))) return port;
  }
}
