/** Signature policy: one good signature of a trusted key is enough, unknown signers do not matter. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { BtfmillError } from '../../errors/index.ts';
import { splitClearsigned } from './clearsigned.ts';
import { parseGpgvStatus, type SignatureReport } from './gpgv-status.ts';
import { binaryKeyring } from './keyring.ts';

export interface VerifyOptions {
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

export interface VerifiedText {
  /** The signed part and nothing else. */
  readonly text: string;
  /** Fingerprint of the primary key that vouches. */
  readonly signer: string;
  readonly signedAt: Date;
}

/**
 * The signed text of an inline-signed document. A key that has expired counts for what it signed before. Throws
 * `index-signature` without a good signature, `tool-missing` without gpgv, `usage` for an unreadable keyring.
 */
export async function verifyInline(bytes: Uint8Array, options: VerifyOptions): Promise<VerifiedText> {
  const { text, signature } = splitClearsigned(bytes, options.where);
  const signed = Buffer.from(text, 'latin1');
  const reports = await runGpgv(signed, signature, options);
  const good = reports.find((report) => report.verdict === 'good');
  if (good?.primaryFingerprint === undefined || good.signedAt === undefined) {
    throw new BtfmillError(
      'index-signature',
      `${options.where}: no good signature of a trusted key (${describe(reports)})`,
    );
  }
  return { text: signed.toString('utf8'), signer: good.primaryFingerprint, signedAt: good.signedAt };
}

function describe(reports: readonly SignatureReport[]): string {
  if (reports.length === 0) return 'no readable signature';
  return reports.map(({ verdict, signer }) => `${verdict} ${signer}`).join(', ');
}

async function runGpgv(
  signed: Buffer,
  signature: string,
  { keyrings, signal, where, workDir: parentDir }: VerifyOptions,
): Promise<SignatureReport[]> {
  await mkdir(parentDir, { recursive: true });
  const workDir = await mkdtemp(join(parentDir, VERIFY_FOLDER_PREFIX));
  try {
    const signedPath = join(workDir, 'signed');
    const signaturePath = join(workDir, 'signature');
    await writeFile(signedPath, signed);
    await writeFile(signaturePath, signature);
    const flags: string[] = [];
    for (const [index, keyring] of keyrings.entries()) {
      flags.push('--keyring', await binaryKeyring(keyring, workDir, `keyring-${index}.pgp`));
    }
    // The exit code says "every signature is good"; the question here is whether one is, so the status decides.
    const result = await execa('gpgv', ['--status-fd', '1', ...flags, signaturePath, signedPath], {
      reject: false,
      cancelSignal: signal,
      env: { LC_ALL: 'C' },
    });
    if (result.isCanceled) throw new BtfmillError('aborted', `${where}: stopped`);
    if (result.code === 'ENOENT') throw new BtfmillError('tool-missing', 'gpgv is not installed');
    if (result.exitCode === undefined) {
      throw new BtfmillError('tool-failed', `${where}: gpgv died`, { cause: result.cause });
    }
    return parseGpgvStatus(result.stdout);
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}
