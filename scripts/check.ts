import { execFile } from "node:child_process";

/** Does one check and writes one line; a text that it returns is added. The first that fails ends the process. */
export async function check(name: string, body: () => unknown): Promise<void> {
  const begun = performance.now();
  const line = (verdict: string, note?: string) => {
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    console.log(`${verdict} ${name}${note ? `: ${note}` : ""} (${seconds} s)`);
  };
  try {
    const note = await body();
    line("ok  ", typeof note === "string" ? note : undefined);
  } catch (error) {
    line("FAIL");
    console.log(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}

export interface Place {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
}

export interface Ended {
  /** The exit code, or why there is none. */
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export function run({ cwd, env = process.env }: Place, command: string, ...args: string[]): Promise<Ended> {
  const shell = process.platform === "win32";
  return new Promise((resolve) => {
    const child = execFile(command, args, { cwd, env, shell, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      process.off("exit", stop);
      resolve({ status: error === null ? 0 : (error.code ?? String(error.signal)), stdout, stderr });
    });
    const stop = () => child.kill();
    process.once("exit", stop);
  });
}

/** Runs a command that must end with 0; returns its output. */
export async function must(place: Place, command: string, ...args: string[]): Promise<Ended> {
  const ended = await run(place, command, ...args);
  if (ended.status !== 0) {
    throw new Error(`${command} ${args.join(" ")} ended with ${ended.status}\n${ended.stdout}${ended.stderr}`);
  }
  return ended;
}
