/**
 * Who signed an rpm package, and how much of it. Spec: rpm's docs/manual/signatures_digests.md and format_v4.md.
 *
 * Since rpm 4.14 the signed header names the payload's digest, so that a signature over the header covers the whole
 * package. Before, that took a second signature over header and payload, which not every package has.
 */

import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { describeReports, judgeSignatures, type SignatureReport } from '../crawlers/trust/index.ts';
import type { PackageSignaturePolicy } from '../crawlers/types.ts';
import { BtfmillError, toBtfmillError } from '../errors/index.ts';
import { readRange } from './unpack/file-range.ts';
import { malformed } from './unpack/malformed.ts';
import type { RpmHeader } from './unpack/rpm/header.ts';
import { readRpmPackage, type RpmPackage } from './unpack/rpm/package.ts';
import { MAIN_TAG, SIGNATURE_TAG } from './unpack/rpm/tags.ts';

export interface VerifyRpmOptions extends PackageSignaturePolicy {
  /** For temporary files, gone at the end; made when it is not there. */
  readonly workDir: string;
  readonly signal: AbortSignal;
}

export interface RpmSignature {
  /** `header`: nothing that is signed says what the payload is; whoever relies on it needs the file's own digest. */
  readonly covers: 'whole' | 'header';
  /** Fingerprint of the primary key that vouches. */
  readonly signer: string;
  readonly signedAt: Date;
}

/** Each is tried with a process of its own; distributions sign with one or two keys. */
const MAX_SIGNATURES = 8;
/** The largest kinds there are (SLH-DSA) have 50 kB, base64 makes that 67. */
const MAX_SIGNATURE_BYTES = 128 * 1024;
/** Nobody vouches for the text yet: one class only, so that no text takes longer than its length. */
const BASE64 = /^[A-Za-z\d+/=\s]+$/u;

/** OpenPGP numbers (RFC 9580 §9.5) of the digests that a payload may be known by. */
const PAYLOAD_DIGESTS: ReadonlyMap<number, string> = new Map([
  [8, 'sha256'],
  [9, 'sha384'],
  [10, 'sha512'],
]);
const SHA256 = 8;

/**
 * Finds one good signature of a trusted key, and checks every digest that the package carries of itself (MD5 apart).
 * The file is streamed, whatever its size.
 *
 * Throws `package-signature` when there is no good signature, or a trusted key's over the payload is bad;
 * `package-digest` when a digest differs; `package-malformed`; `tool-missing` without gpgv; `usage` for an unreadable
 * keyring; `io-failed`; `aborted`.
 */
export async function verifyRpm(path: string, options: VerifyRpmOptions): Promise<RpmSignature> {
  try {
    const handle = await open(path, 'r');
    try {
      return await verifyOpened(handle, options);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw toBtfmillError(error);
  }
}

async function verifyOpened(handle: FileHandle, options: VerifyRpmOptions): Promise<RpmSignature> {
  const rpm = await readRpmPackage(handle);
  checkHeaderDigests(rpm);
  const ofHeader = await judge(headerSignatures(rpm), () => rpm.main.bytes, options);
  if (ofHeader.good !== undefined && (await checkPayloadDigest(handle, rpm, options.signal))) {
    return { ...ofHeader.good, covers: 'whole' };
  }
  const ofWhole = await judge(
    wholeSignatures(rpm),
    () => readRange('rpm', handle, rpm.mainStart, rpm.end, options.signal),
    options,
  );
  if (ofWhole.good !== undefined) return { ...ofWhole.good, covers: 'whole' };
  // One that cannot be judged leaves the payload uncovered; one that is wrong says that the payload is another.
  const isOther = ofWhole.reports.some(({ verdict }) => verdict === 'bad');
  if (ofHeader.good === undefined || isOther) throw unsigned([...ofHeader.reports, ...ofWhole.reports], rpm);
  return { ...ofHeader.good, covers: 'header' };
}

/** The header's digests of itself: not signed, but they tell damage from a wrong signature. */
function checkHeaderDigests({ signature, main }: RpmPackage): void {
  for (const [tag, algorithm] of [
    [SIGNATURE_TAG.SHA256, 'sha256'],
    [SIGNATURE_TAG.SHA1, 'sha1'],
  ] as const) {
    const said = signature.text(tag);
    if (said === undefined) continue;
    const made = createHash(algorithm).update(main.bytes).digest('hex');
    if (made !== said.toLowerCase()) throw differs('main header', algorithm, made, said);
  }
}

/** False when the header names no digest of the payload that would prove anything. */
async function checkPayloadDigest(
  handle: FileHandle,
  { main, payloadStart, end }: RpmPackage,
  signal: AbortSignal,
): Promise<boolean> {
  const said = main.texts(MAIN_TAG.PAYLOADDIGEST)?.at(0);
  const algorithm = PAYLOAD_DIGESTS.get(main.numbers(MAIN_TAG.PAYLOADDIGESTALGO)?.[0] ?? SHA256);
  if (said === undefined || algorithm === undefined) return false;
  const hash = createHash(algorithm);
  for await (const chunk of readRange('rpm payload', handle, payloadStart, end, signal)) hash.update(chunk);
  const made = hash.digest('hex');
  if (made !== said.toLowerCase()) throw differs('payload', algorithm, made, said);
  return true;
}

function headerSignatures({ signature }: RpmPackage): Uint8Array[] {
  const listed = signature.texts(SIGNATURE_TAG.OPENPGP);
  const count = listed?.length ?? 0;
  if (count > MAX_SIGNATURES) {
    throw malformed(signature.part, undefined, `${count} signatures, of at most ${MAX_SIGNATURES}`);
  }
  const encoded = Array.from({ length: count }, (_, index) => listed?.at(index) ?? '');
  return [
    ...blobs(signature, SIGNATURE_TAG.RSA, SIGNATURE_TAG.DSA),
    ...encoded.map((text, index) => {
      checkSize(signature, text.length);
      if (!BASE64.test(text)) throw malformed(signature.part, undefined, `signature ${index} is not base64`);
      return Buffer.from(text, 'base64');
    }),
  ];
}

function wholeSignatures({ signature }: RpmPackage): Uint8Array[] {
  return blobs(signature, SIGNATURE_TAG.PGP, SIGNATURE_TAG.GPG);
}

function blobs(signature: RpmHeader, ...tags: readonly number[]): Uint8Array[] {
  return tags.flatMap((tag) => {
    const blob = signature.blob(tag);
    if (blob === undefined) return [];
    checkSize(signature, blob.length);
    return [blob];
  });
}

function checkSize({ part }: RpmHeader, bytes: number): void {
  if (bytes <= MAX_SIGNATURE_BYTES) return;
  throw malformed(part, undefined, `a signature of ${bytes} bytes, of at most ${MAX_SIGNATURE_BYTES}`);
}

interface Judgement {
  readonly good?: Omit<RpmSignature, 'covers'>;
  /** Of all signatures up to the good one. */
  readonly reports: readonly SignatureReport[];
}

/** One after the other: gpgv judges several in one file together only when they are of one kind. */
async function judge(
  signatures: readonly Uint8Array[],
  signed: () => Uint8Array | AsyncIterable<Uint8Array>,
  options: VerifyRpmOptions,
): Promise<Judgement> {
  const reports: SignatureReport[] = [];
  for (const signature of signatures) {
    const judged = await judgeSignatures(signed(), signature, { ...options, where: 'rpm' });
    reports.push(...judged);
    const good = judged.find(({ verdict }) => verdict === 'good');
    if (good?.primaryFingerprint !== undefined && good.signedAt !== undefined) {
      return { good: { signer: good.primaryFingerprint, signedAt: good.signedAt }, reports };
    }
  }
  return { reports };
}

function unsigned(reports: readonly SignatureReport[], rpm: RpmPackage): BtfmillError {
  const hasAny = headerSignatures(rpm).length + wholeSignatures(rpm).length > 0;
  const why = hasAny ? describeReports(reports) : 'it is not signed';
  return new BtfmillError('package-signature', `rpm: no good signature of a trusted key (${why})`);
}

/** Not retryable: the file is the one that the index describes, so there is no other to fetch. */
function differs(part: string, algorithm: string, made: string, said: string): BtfmillError {
  return new BtfmillError(
    'package-digest',
    `rpm ${part}: ${algorithm} is ${made}, the package says ${JSON.stringify(said)}`,
    { retryable: false },
  );
}
