/** Signature policy: one good signature of a trusted key is enough, unknown signers do not matter. */

import { BtfmillError, type ErrorCode } from '../../errors/index.ts';
import { splitClearsigned } from './clearsigned.ts';
import { type GpgvOptions, judgeSignatures } from './gpgv.ts';
import type { SignatureReport } from './gpgv-status.ts';

export type VerifyOptions = Omit<GpgvOptions, 'allowWeak'>;

export interface DetachedOptions extends VerifyOptions {
  /** SHA-1 signatures, DSA keys and short RSA keys count as well; refused when left out. MD5 never counts. */
  readonly allowWeak?: boolean;
  /** Of the error when there is no good signature; `index-signature` when left out. */
  readonly code?: Extract<ErrorCode, 'index-signature' | 'package-signature'>;
}

export interface VerifiedSignature {
  /** Fingerprint of the primary key that vouches. */
  readonly signer: string;
  readonly signedAt: Date;
}

export interface VerifiedText extends VerifiedSignature {
  /** The signed part and nothing else. */
  readonly text: string;
}

/**
 * The signed text of an inline-signed document. A key that has expired counts for what it signed before. Throws
 * `index-signature` without a good signature, `tool-missing` without gpgv, `usage` for an unreadable keyring.
 */
export async function verifyInline(bytes: Uint8Array, options: VerifyOptions): Promise<VerifiedText> {
  const { text, signature } = splitClearsigned(bytes, options.where);
  const signed = Buffer.from(text, 'latin1');
  const verified = await verifyDetached(signed, Buffer.from(signature, 'latin1'), options);
  return { text: signed.toString('utf8'), ...verified };
}

/**
 * Who vouches for `signed` by a detached signature (one or several, binary or armoured), under the same rules. An
 * iterable is passed on chunk by chunk and never held, so a file of any size will do; what it throws is thrown.
 * Throws `options.code` without a good signature, `tool-missing` without gpgv, `usage` for an unreadable keyring.
 */
export async function verifyDetached(
  signed: Uint8Array | AsyncIterable<Uint8Array>,
  signature: Uint8Array,
  { allowWeak = false, code = 'index-signature', ...options }: DetachedOptions,
): Promise<VerifiedSignature> {
  const reports = await judgeSignatures(signed, signature, { ...options, allowWeak });
  const good = reports.find((report) => report.verdict === 'good');
  if (good?.primaryFingerprint === undefined || good.signedAt === undefined) {
    throw new BtfmillError(
      code,
      `${options.where}: no good signature of a trusted key (${describeReports(reports)})`,
    );
  }
  return { signer: good.primaryFingerprint, signedAt: good.signedAt };
}

/** For messages: each signature's verdict and signer. */
export function describeReports(reports: readonly SignatureReport[]): string {
  if (reports.length === 0) return 'no readable signature';
  return reports.map(({ verdict, signer }) => `${verdict} ${signer}`).join(', ');
}
