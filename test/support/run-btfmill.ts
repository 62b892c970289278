/** Runs the real command in a process of its own, in an environment that holds nothing of the developer's. */

import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { builtCommand } from './built-command.ts';

export interface CommandOptions {
  /** Working directory; also HOME, so that caches and records land there. */
  readonly cwd: string;
  /** Folders in front of PATH, e.g. one with a fake pahole. */
  readonly pathPrefix?: string;
  /** Replaces PATH altogether. */
  readonly path?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Told of every whole line of stdout as it comes. */
  readonly onLine?: (line: string, running: Pick<RunningCommand, 'kill'>) => void;
  /** A line for sh(1) in which `"$@"` is the command, e.g. `"$@" > /dev/full`. */
  readonly shell?: string;
}

export interface CommandResult {
  /** Undefined when a signal ended the process. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly signal: string | undefined;
}

/** A running command. */
export interface RunningCommand {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when its stdout so far matches; also when it ended before. */
  waitForStdout(pattern: RegExp): Promise<void>;
  readonly finished: Promise<CommandResult>;
}

/** Starts the command, for tests that kill it on its way. */
export function spawnBtfmill(args: readonly string[], options: CommandOptions): RunningCommand {
  const inherited = options.path ?? process.env.PATH ?? '';
  const words = [process.execPath, builtCommand(), ...args];
  const [program, ...rest] =
    options.shell === undefined ? words : ['sh', '-c', options.shell, 'sh', ...words];
  const child = execa(program, rest, {
    cwd: options.cwd,
    extendEnv: false,
    env: {
      PATH: options.pathPrefix === undefined ? inherited : `${options.pathPrefix}:${inherited}`,
      HOME: options.cwd,
      TMPDIR: process.env.TMPDIR ?? '/tmp',
      LC_ALL: 'C.UTF-8',
      ...options.env,
    },
    reject: false,
    stdin: 'ignore',
    timeout: options.timeoutMs ?? 60_000,
  });
  if (child.pid === undefined) throw new Error(`cannot start ${process.execPath}`);
  const kill = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  let seen = '';
  let told = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
    if (options.onLine === undefined) return;
    for (let end = seen.indexOf('\n', told); end >= 0; end = seen.indexOf('\n', told)) {
      const line = seen.slice(told, end);
      told = end + 1;
      options.onLine(line, { kill });
    }
  });
  return {
    pid: child.pid,
    async waitForStdout(pattern) {
      while (!pattern.test(seen) && child.exitCode === null && child.signalCode === null) await sleep(2);
    },
    kill,
    finished: child.then(({ exitCode, stdout, stderr, signal }) => ({ exitCode, stdout, stderr, signal })),
  };
}

/** Runs to the end, whatever the exit code: see {@link expectExit}. */
export async function runBtfmill(args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  return spawnBtfmill(args, options).finished;
}

/** Throws with the command's own words unless it ended with this exit code. */
export function expectExit(result: CommandResult, exitCode: number): void {
  if (result.exitCode === exitCode) return;
  throw new Error(
    `exit code ${result.exitCode ?? result.signal} instead of ${exitCode}\nstdout: ${result.stdout}\nstderr: ${result.stderr}`,
  );
}

/** JSON Lines of `--json` output. */
export function jsonLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
