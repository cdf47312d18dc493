// `npm start`: installs what is missing, builds what has changed, and runs the local server. Plain JavaScript: it runs on
// the machine's own Node (20 or newer); the server runs on the one the project installs.
import { spawn, spawnSync } from "node:child_process";
import { constants } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { installMissing } from "./install.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const bin = `${root}node_modules/.bin`;
const PATH = `${bin}:${process.env.PATH ?? ""}`;

installMissing();

// The build writes to the standard error, because a caller waits for the `ready` line on the standard output.
const build = spawnSync("node", ["infra/build.ts"], {
  cwd: root,
  env: { ...process.env, PATH },
  stdio: ["ignore", 2, 2],
});
if (build.status !== 0) {
  process.stderr.write(
    "The build failed (see above), so there is nothing to serve. Fix the error, then start again.\n",
  );
  process.exit(build.status ?? 1);
}

// The server keeps the working directory, so that relative paths (DATA_DIR) are those of the person who typed them. The
// channel ends the server with this process.
const server = spawn("node", [`${root}infra/local/serve.ts`], {
  env: { ...process.env, PATH },
  stdio: ["ignore", "inherit", "inherit", "ipc"],
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => server.kill(signal));
// When npm is killed, this process gets another parent and no signal; the server has no user any more.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) server.kill("SIGTERM");
}, 500).unref();
server.on("error", (error) => {
  process.stderr.write(`The server could not be started: ${error.message}\n`);
  process.exit(1);
});
server.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
