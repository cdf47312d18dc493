/**
 * A process that runs the emulator on a folder and can kill itself, as `kill -9` would, at a given step of a transaction.
 * Prints the endpoint. Arguments: the folder, and the step to die at (or none).
 */
import { startEmulator } from "../../../infra/local/emulator.ts";

const [folder = "", fatal] = process.argv.slice(2);
const emulator = await startEmulator({
  dataDir: folder,
  onStep: (step) => {
    if (step === fatal) process.kill(process.pid, "SIGKILL");
    // Nothing else may run between the signal and its arrival.
    return step === fatal ? new Promise(() => undefined) : undefined;
  },
});
process.stdout.write(`${emulator.endpoint}\n`);
process.on("disconnect", () => process.exit());
