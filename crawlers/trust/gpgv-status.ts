/** What `gpgv --status-fd` says about each signature (GnuPG doc/DETAILS), and which of them count. */

export interface SignaturePolicy {
  /** SHA-1, DSA keys and short RSA keys count as well, for releases that have nothing better (keys/README.md). */
  readonly allowWeak: boolean;
}

export interface SignatureReport {
  readonly verdict:
    | 'good'
    | 'bad'
    | 'unknown-key'
    | 'expired-key'
    | 'revoked-key'
    | 'expired'
    | 'weak'
    | 'unusable';
  /** Of the signing key or subkey; the long key id where gpgv gives no more. */
  readonly signer: string;
  /** Of the primary key, for signatures whose key is known. */
  readonly primaryFingerprint?: string;
  readonly signedAt?: Date;
}

/** OpenPGP ids (RFC 9580 §9.5) of the hashes that a signature may rest on: SHA-2 from 256 bits up, and SHA-3. */
const STRONG_HASHES: ReadonlySet<string> = new Set(['8', '9', '10', '12', '14']);
const SHA1 = '2';
/** Public-key algorithm (RFC 9580 §9.1) of keys that are 1024 bits short in most cases. */
const DSA = '17';
/** Binary and text document; a key certification or timestamp proves nothing about a file. */
const DOCUMENT_CLASSES: ReadonlySet<string> = new Set(['00', '01']);
const PREFIX = '[GNUPG:] ';

/** One report per signature, in their order. */
export function parseGpgvStatus(
  status: string,
  policy: SignaturePolicy = { allowWeak: false },
): SignatureReport[] {
  const groups: string[][][] = [];
  for (const line of status.split('\n')) {
    if (!line.startsWith(PREFIX)) continue;
    const words = line.slice(PREFIX.length).trim().split(' ');
    if (words[0] === 'NEWSIG') groups.push([]);
    else groups.at(-1)?.push(words);
  }
  return groups.map((group) => judge(group, policy));
}

function judge(group: readonly string[][], { allowWeak }: SignaturePolicy): SignatureReport {
  const find = (keyword: string) => group.find((words) => words[0] === keyword);
  const signer =
    ['GOODSIG', 'EXPKEYSIG', 'EXPSIG', 'REVKEYSIG', 'BADSIG', 'ERRSIG'].map(find).find(Boolean)?.[1] ?? '?';
  if (find('BADSIG')) return { verdict: 'bad', signer };
  if (find('NO_PUBKEY')) return { verdict: 'unknown-key', signer };
  const valid = find('VALIDSIG');
  if (valid === undefined) return { verdict: 'unusable', signer };

  const [
    ,
    fingerprint,
    ,
    timestamp,
    ,
    ,
    ,
    keyAlgorithm,
    hash,
    signatureClass,
    primaryFingerprint = fingerprint,
  ] = valid;
  const signedAt = parseTimestamp(timestamp);
  const known = { signer: fingerprint, primaryFingerprint, signedAt };
  if (find('REVKEYSIG')) return { ...known, verdict: 'revoked-key' };
  if (find('EXPSIG')) return { ...known, verdict: 'expired' };
  const isStrong = STRONG_HASHES.has(hash) && keyAlgorithm !== DSA;
  const isTolerable = isStrong || (allowWeak && (STRONG_HASHES.has(hash) || hash === SHA1));
  if (!isTolerable || !DOCUMENT_CLASSES.has(signatureClass)) return { ...known, verdict: 'weak' };
  if (find('GOODSIG')) return { ...known, verdict: 'good' };
  if (find('EXPKEYSIG')) {
    const verdict = wasSignedInTime(group, signedAt) ? 'good' : 'expired-key';
    return { ...known, verdict };
  }
  return { ...known, verdict: 'unusable' };
}

/**
 * Whether a key that has expired since was still good when it signed: a release that left the mirrors keeps its old
 * signatures. gpgv prints the key's end as KEYEXPIRED; several lines mean several ends, and the first one counts.
 */
function wasSignedInTime(group: readonly string[][], signedAt: Date): boolean {
  const ends = group.filter(([keyword]) => keyword === 'KEYEXPIRED').map((words) => parseTimestamp(words[1]));
  return ends.length > 0 && ends.every((end) => signedAt.getTime() < end.getTime());
}

/** Seconds since the epoch, or ISO 8601 basic format, as gpgv prints either. */
function parseTimestamp(value: string): Date {
  const iso = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/.exec(value);
  if (iso === null) return new Date(Number(value) * 1000);
  const [, year, month, day, hour, minute, second] = iso;
  return new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}
