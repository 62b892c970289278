/** pahole as an oracle: found, asked for its version, run on a vmlinux. Nothing here needs it to be installed. */

import { readFile, rm } from 'node:fs/promises';
import { execa } from 'execa';
import type { ProfileName } from '../dwarf/index.ts';
import { BtfmillError, firstLine } from '../errors/index.ts';

export interface Pahole {
  readonly command: string;
  /** As printed, without the `v`: `1.24`. */
  readonly version: string;
  /** `version` as a number that orders: 1.24 → 124, 1.9 → 109. */
  readonly versionNumber: number;
}

export interface FindPaholeOptions {
  readonly signal: AbortSignal;
  /** Name or path of the program. Default `pahole`. */
  readonly command?: string;
}

/** A large kernel takes half a minute; whoever needs this long hangs. */
const TIMEOUT_MS = 20 * 60 * 1000;
const VERSION_TIMEOUT_MS = 30 * 1000;
const MAX_COMPLAINT_BYTES = 16 * 1024;

/** The user's pahole settings must not change what the oracle says. */
const ENVIRONMENT = { LC_ALL: 'C', PAHOLE_LANG_EXCLUDE: undefined, PAHOLE_VMLINUX_BTF_FILENAME: undefined };

/**
 * The installed pahole, undefined when there is none. Throws `oracle-failed` when it is there but cannot tell its
 * version, `aborted`.
 */
export async function findPahole(o: FindPaholeOptions): Promise<Pahole | undefined> {
  const command = o.command ?? 'pahole';
  const result = await execa(command, ['--version'], {
    reject: false,
    stdin: 'ignore',
    timeout: VERSION_TIMEOUT_MS,
    cancelSignal: o.signal,
    env: ENVIRONMENT,
  });
  if (result.isCanceled) throw new BtfmillError('aborted', 'pahole: stopped', { cause: result.cause });
  if (result.code === 'ENOENT') return undefined;
  const match = /^v?(\d{1,4})\.(\d{1,2})\b/u.exec(result.stdout);
  if (result.failed || match === null) {
    const said = firstLine(result.stderr) || firstLine(result.stdout) || result.shortMessage || 'nothing';
    throw new BtfmillError('oracle-failed', `${command} --version: ${said}`);
  }
  const [, major, minor] = match;
  return { command, version: `${major}.${minor}`, versionNumber: Number(major) * 100 + Number(minor) };
}

export interface PaholeRunOptions {
  readonly signal: AbortSignal;
  /** Default 20 minutes. */
  readonly timeoutMs?: number;
}

/** First version that can leave Rust out, which a vmlinux of 2026 needs. */
export const OLDEST_USABLE_PAHOLE = 124;

/** What kernels of 2024 and later ask of pahole (kernel: scripts/Makefile.btf), but for what needs an external module. */
export const PAHOLE_KERNEL_FEATURES =
  '--btf_features=encode_force,var,float,enum64,decl_tag,type_tag,optimized_func,consistent_func,decl_tag_kfuncs';

/** From this version on kernels give the feature list; it is the first whose results do not depend on threads. */
const FIRST_WITH_FEATURES = 128;

/**
 * The profile that a pahole follows, run the way we run it: its results are then those of our conversion, type by type.
 * Undefined for versions of which no profile does so.
 */
export function profileOfPahole({ versionNumber }: Pahole): ProfileName | undefined {
  if (versionNumber < FIRST_WITH_FEATURES) return 'pahole-1.24';
  if (versionNumber <= 130) return 'pahole-1.30';
  return versionNumber === 132 ? 'pahole-1.32' : undefined;
}

/**
 * The BTF that pahole makes of a vmlinux's DWARF: one thread (older ones are not deterministic with more), C only,
 * with the kernel's feature list where there is one, otherwise its defaults. `outputPath` is scratch space; nothing is left there.
 * Throws `oracle-failed` with pahole's words when it dies, times out, exits with an error or writes no file (from
 * 1.31 on it exits with 0 even then); `aborted`.
 */
export async function encodeWithPahole(
  pahole: Pahole,
  vmlinuxPath: string,
  outputPath: string,
  o: PaholeRunOptions,
): Promise<Uint8Array> {
  // An output of an earlier run must not pass for this one's.
  await rm(outputPath, { force: true });
  try {
    const features = pahole.versionNumber < FIRST_WITH_FEATURES ? [] : [PAHOLE_KERNEL_FEATURES];
    const args = [
      '-j1',
      '--lang_exclude=rust',
      ...features,
      `--btf_encode_detached=${outputPath}`,
      vmlinuxPath,
    ];
    const said = await runQuietly(pahole, args, o);
    return await readOutput(outputPath, pahole, said);
  } finally {
    await rm(outputPath, { force: true });
  }
}

/** Runs to the end and returns the first complaint. Its warnings can be endless, so only the start is kept. */
async function runQuietly(
  pahole: Pahole,
  args: readonly string[],
  { signal, timeoutMs }: PaholeRunOptions,
): Promise<string> {
  const child = execa(pahole.command, args, {
    reject: false,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
    buffer: false,
    timeout: timeoutMs ?? TIMEOUT_MS,
    cancelSignal: signal,
    env: ENVIRONMENT,
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (complaint.length < MAX_COMPLAINT_BYTES) complaint += chunk.toString('latin1');
  });
  const result = await child;
  if (result.isCanceled) throw new BtfmillError('aborted', 'pahole: stopped', { cause: result.cause });
  const said = firstLine(complaint);
  if (!result.failed) return said;
  const how = result.timedOut
    ? 'gave no result in time'
    : result.signal !== undefined
      ? `was killed by ${result.signal}`
      : result.exitCode !== undefined
        ? `exited with ${result.exitCode}`
        : 'did not run';
  throw failed(pahole, how, said, result.cause);
}

async function readOutput(outputPath: string, pahole: Pahole, said: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(outputPath);
    if (bytes.length > 0) return bytes;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  }
  throw failed(pahole, 'wrote no BTF', said);
}

function failed(pahole: Pahole, how: string, said: string, cause?: unknown): BtfmillError {
  const message = `pahole ${pahole.version} ${how}${said === '' ? '' : `: ${said}`}`;
  return new BtfmillError('oracle-failed', message, { cause });
}
