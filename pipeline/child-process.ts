/**
 * Bytes through a program: what comes out ends only when the program has succeeded.
 *
 * A child that dies leaves a normally ended stdout, so a plain pipe hides damage; here the exit code is part of
 * the stream.
 */

import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import { BtfmillError, type ErrorCode, firstLine, withName } from '../errors/index.ts';

export interface ThroughProcessOptions {
  /** What the program reads on stdin. */
  readonly input: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
  /** Error code that an exit status other than 0 stands for, e.g. `package-malformed` for a decompressor. */
  readonly failure: ErrorCode;
}

/** What is looked at of execa's result. */
interface Outcome {
  readonly failed: boolean;
  readonly isCanceled: boolean;
  /** Node's error code when the program could not even start. */
  readonly code?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly shortMessage?: string | undefined;
  readonly stderr?: string;
  readonly cause?: unknown;
}

/** A program's complaints are a few lines; more is noise (or an attack) and ends it. */
const MAX_STDERR_BYTES = 64 * 1024;

const QUIET_ENVIRONMENT = {
  LC_ALL: 'C',
  // Options from the user's environment must not change what these programs do.
  XZ_DEFAULTS: undefined,
  XZ_OPT: undefined,
  BZIP: undefined,
  BZIP2: undefined,
};

/**
 * Runs `command` and yields its stdout. Ends normally only after exit code 0.
 *
 * Throws `tool-missing` (before any byte), `aborted`, the input's own error, `failure` with the program's words
 * when it exits with another code, or `tool-failed` when a signal that is not ours killed it. A consumer that
 * stops early (`break`, `return()`) ends the program on purpose: its exit is awaited, and is no error.
 */
export async function* throughProcess(
  command: string,
  args: readonly string[],
  { input, signal, failure }: ThroughProcessOptions,
): AsyncGenerator<Buffer, void, undefined> {
  signal.throwIfAborted();
  const child = execa(command, args, {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: { stdout: false, stderr: true },
    maxBuffer: { stderr: MAX_STDERR_BYTES },
    env: QUIET_ENVIRONMENT,
    cancelSignal: signal,
    reject: false,
  });
  // execa lets an unread stdout flow into nowhere after one turn of the event loop; paused, it waits for us.
  child.stdout.pause();

  const source = watchInput(input);
  const feeding = pipeline(source.chunks(), child.stdin).catch(() => {
    // Either the input failed (kept in `source`) or the program closed its stdin (its exit status tells why).
  });

  let result: Outcome | undefined;
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    [result] = await Promise.all([child, feeding]);
  } finally {
    if (result === undefined) {
      child.kill();
      await Promise.all([child, feeding]);
    }
  }
  if (source.failed()) throw source.error();
  throwUnlessSuccessful(command, result, failure);
}

function throwUnlessSuccessful(command: string, result: Outcome, failure: ErrorCode): void {
  if (result.isCanceled) throw new BtfmillError('aborted', `${command}: stopped`, { cause: result.cause });
  if (result.code === 'ENOENT') {
    throw new BtfmillError('tool-missing', `${command} is not installed (scripts/setup.sh installs it)`);
  }
  if (!result.failed) return;
  const said = firstLine(result.stderr ?? '');
  if (result.exitCode === undefined) {
    const how =
      result.signal === undefined ? (result.shortMessage ?? 'failed') : `killed by ${result.signal}`;
    throw new BtfmillError('tool-failed', `${command}: ${how}${said === '' ? '' : `: ${said}`}`, {
      cause: result.cause,
    });
  }
  throw new BtfmillError(
    failure,
    said === '' ? `${command} exited with ${result.exitCode}` : withName(command, said),
  );
}

/** Tells an input that failed from a program that no longer listened. */
function watchInput(input: AsyncIterable<Uint8Array>): {
  chunks: () => AsyncGenerator<Uint8Array>;
  failed: () => boolean;
  error: () => unknown;
} {
  let hasFailed = false;
  let error: unknown;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      yield* input;
    } catch (thrown) {
      hasFailed = true;
      error = thrown;
      throw thrown;
    }
  }
  return { chunks, failed: () => hasFailed, error: () => error };
}
