/** repomd.xml: what a repository's metadata files are called and what digests they have. */

import type { IndexCompression } from '../decompress-index.ts';
import type { PackageDigest } from '../types.ts';
import { parseChecksum } from './checksum.ts';
import {
  childrenOf,
  findChild,
  localName,
  malformed,
  parseXml,
  quote,
  requireAttribute,
  requireChild,
  type XmlElement,
} from './xml.ts';

export interface Repomd {
  /** Whatever the repository's maker put there; usually seconds since 1970. */
  readonly revision: string | undefined;
  /** Of the youngest metadata file listed. */
  readonly date: Date | undefined;
  /** The list of packages, in the form to read; forms that nobody here can read are left out. */
  readonly primary: PrimaryFile;
}

export interface PrimaryFile {
  readonly form: 'xml' | 'sqlite';
  readonly compression: IndexCompression;
  /** As written; relative to the repository or to {@link base}. */
  readonly href: string;
  /** `xml:base`, which stands for the repository's own base where it is given. */
  readonly base: string | undefined;
  readonly digest: PackageDigest;
  /** Of the compressed file. */
  readonly sizeBytes: number | undefined;
  /** Of the plain bytes. */
  readonly openDigest: PackageDigest | undefined;
  readonly openSizeBytes: number | undefined;
}

/** The first that is there and readable is taken. `primary_zck` is the same list once more, in zchunk. */
const FORMS = [
  { type: 'primary', form: 'xml', name: /\.xml(\.gz|\.xz|\.zst|\.bz2|)$/ },
  { type: 'primary_db', form: 'sqlite', name: /\.sqlite(\.gz|\.xz|\.zst|\.bz2|)$/ },
] as const;

/**
 * Parses repomd.xml. Only what leads to the list of packages is looked at. Throws `index-malformed`.
 *
 * @param where its URL
 */
export function parseRepomd(bytes: Uint8Array, where: string): Repomd {
  const root = parseXml(bytes, where);
  if (localName(root.name) !== 'repomd') throw malformed(where, `is <${root.name}>, not a repomd`);
  const data = childrenOf(root, 'data');
  return {
    revision: findChild(root, 'revision', where)?.text || undefined,
    date: newestDate(data, where),
    primary: choosePrimary(data, where),
  };
}

function choosePrimary(data: readonly XmlElement[], where: string): PrimaryFile {
  for (const { type, form, name } of FORMS) {
    const entries = data.filter((entry) => entry.attributes.get('type') === type);
    if (entries.length > 1) throw malformed(where, `lists ${type} ${entries.length} times`);
    if (entries.length === 0) continue;
    const href = requireAttribute(requireChild(entries[0], 'location', where), 'href', where);
    const compression = name.exec(href)?.[1];
    if (compression === undefined) continue;
    return { form, compression: compression as IndexCompression, ...readData(entries[0], where) };
  }
  throw malformed(where, 'lists no primary or primary_db in a form that btfmill reads');
}

function readData(entry: XmlElement, where: string): Omit<PrimaryFile, 'form' | 'compression'> {
  const location = requireChild(entry, 'location', where);
  const checksum = requireChild(entry, 'checksum', where);
  const openChecksum = findChild(entry, 'open-checksum', where);
  return {
    href: requireAttribute(location, 'href', where),
    base: location.attributes.get('xml:base'),
    digest: readChecksum(checksum, where),
    sizeBytes: readSize(entry, 'size', where),
    openDigest: openChecksum === undefined ? undefined : readChecksum(openChecksum, where),
    openSizeBytes: readSize(entry, 'open-size', where),
  };
}

function readChecksum(element: XmlElement, where: string): PackageDigest {
  return parseChecksum(requireAttribute(element, 'type', where), element.text, where);
}

function readSize(entry: XmlElement, name: string, where: string): number | undefined {
  const text = findChild(entry, name, where)?.text;
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw malformed(where, `has the <${name}> ${quote(text)}`);
  return Number(text);
}

/** Yum's createrepo wrote fractions of seconds. */
function newestDate(data: readonly XmlElement[], where: string): Date | undefined {
  let newest: number | undefined;
  for (const entry of data) {
    const text = findChild(entry, 'timestamp', where)?.text;
    if (text === undefined) continue;
    if (!/^\d{1,11}(?:\.\d{1,9})?$/.test(text)) throw malformed(where, `has the <timestamp> ${quote(text)}`);
    newest = Math.max(newest ?? 0, Number(text));
  }
  return newest === undefined ? undefined : new Date(newest * 1000);
}
