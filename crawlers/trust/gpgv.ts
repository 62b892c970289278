/** One run of gpgv over signed data and a signature that stands apart from it. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import { BtfmillError } from '../../errors/index.ts';
import { parseGpgvStatus, type SignaturePolicy, type SignatureReport } from './gpgv-status.ts';
import { rsaKeyBits } from './key-sizes.ts';
import { binaryKeyring } from './keyring.ts';

export interface GpgvOptions extends SignaturePolicy {
  /** What is verified, for messages. */
  readonly where: string;
  /** Files whose every key is trusted, binary or armoured. */
  readonly keyrings: readonly string[];
  /** For temporary files, in a folder of their own that is gone at the end; made when it is not there. */
  readonly workDir: string;
  readonly signal: AbortSignal;
}

/** Name of that folder, without its random end: whoever owns `workDir` removes those of killed runs. */
export const VERIFY_FOLDER_PREFIX = 'gpgv-';

/** RSA keys below it are weak, as NIST SP 800-131A has them since 2014. */
const MIN_RSA_BITS = 2048;

/**
 * What gpgv says about each signature in `signature` (binary or armoured) over `signed`, which goes to its standard
 * input chunk by chunk. Throws `tool-missing`, `tool-failed`, `aborted`, `usage` for an unreadable keyring, and what
 * `signed` throws.
 */
export async function judgeSignatures(
  signed: Uint8Array | AsyncIterable<Uint8Array>,
  signature: Uint8Array,
  { keyrings, signal, where, workDir: parentDir, allowWeak }: GpgvOptions,
): Promise<SignatureReport[]> {
  await mkdir(parentDir, { recursive: true });
  const workDir = await mkdtemp(join(parentDir, VERIFY_FOLDER_PREFIX));
  try {
    const signaturePath = join(workDir, 'signature');
    await writeFile(signaturePath, signature);
    // Without any --keyring gpgv would trust the keys that the user keeps for themselves (trustedkeys.kbx).
    const nobody = join(workDir, 'nobody.pgp');
    await writeFile(nobody, '');
    const paths: string[] = [nobody];
    for (const [index, keyring] of keyrings.entries()) {
      paths.push(await binaryKeyring(keyring, workDir, `keyring-${index}.pgp`));
    }
    const flags = paths.flatMap((path) => ['--keyring', path]);
    const status = await askGpgv([...flags, signaturePath, '-'], signed, where, signal);
    const reports = parseGpgvStatus(status, { allowWeak });
    return allowWeak ? reports : await weighKeys(reports, paths);
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

/** What a short key has signed is weak. */
async function weighKeys(
  reports: readonly SignatureReport[],
  keyrings: readonly string[],
): Promise<SignatureReport[]> {
  const short = new Set<string>();
  for (const path of keyrings) {
    for (const [key, bits] of rsaKeyBits(await readFile(path))) if (bits < MIN_RSA_BITS) short.add(key);
  }
  return reports.map((report) =>
    report.verdict === 'good' && short.has(report.signer) ? { ...report, verdict: 'weak' } : report,
  );
}

async function askGpgv(
  args: readonly string[],
  signed: Uint8Array | AsyncIterable<Uint8Array>,
  where: string,
  signal: AbortSignal,
): Promise<string> {
  // The exit code says "every signature is good"; the question here is whether one is, so the status decides.
  // A signature older than its key is as good as any, as for rpm: Amazon Linux 2 has packages signed "in 1970".
  const child = execa('gpgv', ['--status-fd', '1', '--ignore-time-conflict', ...args], {
    stdin: 'pipe',
    reject: false,
    cancelSignal: signal,
    env: { LC_ALL: 'C' },
  });
  let sourceFailure: { readonly error: unknown } | undefined;
  const feeding = pipeline(watched(), child.stdin).catch(() => {
    // Either the source failed, which is thrown below, or gpgv has seen enough to say no and its status tells why.
  });
  const [result] = await Promise.all([child, feeding]);
  if (result.isCanceled) throw new BtfmillError('aborted', `${where}: stopped`);
  if (sourceFailure !== undefined) throw sourceFailure.error;
  if (result.code === 'ENOENT') throw new BtfmillError('tool-missing', 'gpgv is not installed');
  if (result.exitCode === undefined) {
    throw new BtfmillError('tool-failed', `${where}: gpgv died`, { cause: result.cause });
  }
  return result.stdout;

  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      yield* signed instanceof Uint8Array ? [signed] : signed;
    } catch (error) {
      sourceFailure = { error };
      throw error;
    }
  }
}
