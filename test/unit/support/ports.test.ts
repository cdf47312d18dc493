import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { reservedPort } from "../../support/ports.ts";

const PORTS = fileURLToPath(new URL("../../support/ports.ts", import.meta.url));
const TAKE = `const { reservedPort } = await import(process.argv[1]);
  const ports = [];
  while (ports.length < 25) ports.push(await reservedPort());
  process.stdout.write(JSON.stringify(ports));
  process.stdin.resume();`;

/** 25 ports of another process, which lives as long as the test. */
async function portsElsewhere(): Promise<number[]> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", TAKE, PORTS], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill());
  const [text] = (await once(child.stdout, "data")) as [Buffer];
  return JSON.parse(text.toString()) as number[];
}

it("gives different ports, in one process and in several at once", async () => {
  const [here, ...elsewhere] = await Promise.all([
    Promise.all(Array.from({ length: 25 }, () => reservedPort())),
    portsElsewhere(),
    portsElsewhere(),
  ]);
  expect(new Set([here, elsewhere].flat(2)).size).toBe(75);
});

it.runIf(process.platform === "linux")("gives none that the kernel may give to a connection", async () => {
  const [low = 0, high = 0] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/).map(Number);
  const port = await reservedPort();
  expect(port < low || port > high).toBe(true);
});

it("gives ports on which nothing listens", async () => {
  const socket = connect(await reservedPort(), "127.0.0.1");
  const code = await new Promise((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
  });
  expect(code).toBe("ECONNREFUSED");
});
