/** The Release file of a suite (DebianRepository/Format): who it is, how long it holds, digests of its indexes. */

import { BtfmillError } from '../../errors/index.ts';
import { parseStanza, requiredField } from './stanza.ts';

export interface ReleaseFile {
  /** e.g. `oldstable-security`. */
  readonly suite: string | undefined;
  /** e.g. `bookworm-security`. */
  readonly codename: string | undefined;
  /** e.g. `12.15`, `12-updates`; absent in suites that are no release. */
  readonly version: string | undefined;
  readonly date: Date;
  readonly validUntil: Date | undefined;
  /** Index files are also there under `by-hash/SHA256/<digest>`. */
  readonly acquireByHash: boolean;
  /** By path relative to the Release file, e.g. `main/binary-amd64/Packages.xz`. */
  readonly files: ReadonlyMap<string, ReleaseEntry>;
}

export interface ReleaseEntry {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * Parses a Release file, or the signed text of an InRelease. Only the SHA256 block is read: MD5Sum and SHA1 prove
 * nothing. Throws `index-malformed`, and `index-unsafe-path` for an entry outside the suite.
 */
export function parseRelease(text: string, where: string): ReleaseFile {
  const stanza = parseStanza(text, where);
  const validUntil = stanza.get('valid-until');
  return {
    suite: stanza.get('suite'),
    codename: stanza.get('codename'),
    version: stanza.get('version'),
    date: parseDate(requiredField(stanza, 'Date', where), 'Date', where),
    validUntil: validUntil === undefined ? undefined : parseDate(validUntil, 'Valid-Until', where),
    acquireByHash: stanza.get('acquire-by-hash')?.toLowerCase() === 'yes',
    files: parseDigests(requiredField(stanza, 'SHA256', where), where),
  };
}

function parseDate(value: string, field: string, where: string): Date {
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) {
    throw new BtfmillError('index-malformed', `${where}: ${field} is no date: ${JSON.stringify(value)}`);
  }
  return date;
}

function parseDigests(block: string, where: string): Map<string, ReleaseEntry> {
  const files = new Map<string, ReleaseEntry>();
  for (const line of block.split('\n')) {
    if (line.trim() === '') continue;
    const match = /^\s*([0-9a-fA-F]{64})\s+(\d{1,15})\s+(\S+)\s*$/.exec(line);
    if (match === null) {
      throw new BtfmillError('index-malformed', `${where}: SHA256 line ${JSON.stringify(line.slice(0, 80))}`);
    }
    const [, sha256, size, path] = match;
    if (path.startsWith('/') || path.split('/').includes('..')) {
      throw new BtfmillError('index-unsafe-path', `${where}: names a file outside its suite: ${path}`);
    }
    files.set(path, { sha256: sha256.toLowerCase(), sizeBytes: Number(size) });
  }
  return files;
}
