/** A program's side of the line to the harness. */
export interface Link {
  send(message: object): void;
  onMessage(listener: (message: unknown) => void): void;
}

/**
 * Runs a program with the input it was started with, and ends the process with its end. A program whose harness is gone
 * ends at once, so that nothing is left behind by a harness that was killed itself.
 */
export async function runProgram<Input>(program: (input: Input, link: Link) => Promise<void>): Promise<void> {
  process.on("disconnect", () => process.exit(0));
  // Ctrl-C reaches the whole process group; the harness decides what becomes of us
  process.on("SIGINT", () => {});
  const sending: Promise<void>[] = [];
  const link: Link = {
    send(message) {
      sending.push(new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve())));
    },
    onMessage: (listener) => void process.on("message", listener),
  };
  try {
    await program(JSON.parse(process.argv[2] ?? "{}") as Input, link);
    // exit() would cut off messages on their way, and a report may be large
    await Promise.all(sending);
    process.exitCode = 0;
    process.removeAllListeners("disconnect");
    process.disconnect?.();
    setTimeout(() => process.exit(0), 1_000).unref();
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}
