/** Metalink 3 as MirrorManager writes it: where repomd.xml is mirrored, and which repomd.xml are valid now. */

import { parsePackageDigest } from '../package-digest.ts';
import type { PackageDigest } from '../types.ts';
import { parseBase } from './resolve-url.ts';
import {
  childrenOf,
  childrenOfAnyPrefix,
  localName,
  malformed,
  parseXml,
  quote,
  requireAttribute,
  requireChild,
  type XmlElement,
} from './xml.ts';

export interface Metalink {
  /** What repomd.xml should be: the newest version, then older ones that mirrors may still have. */
  readonly versions: readonly ListedVersion[];
  /** Bases of the mirrors, with a slash at the end, best first. */
  readonly bases: readonly string[];
}

export interface ListedVersion {
  /** Every one that is given has to match. */
  readonly digests: readonly PackageDigest[];
}

const REPOMD_NAME = 'repomd.xml';
const REPOMD_END = '/repodata/repomd.xml';
const MAX_PREFERENCE = 100;

/**
 * Parses a metalink; undefined when it is one that knows no file (MirrorManager's answer for a repository that it
 * does not have). MD5 and SHA-1 hashes prove nothing and are left out. Throws `index-malformed`.
 *
 * @param where its URL
 */
export function parseMetalink(bytes: Uint8Array, where: string): Metalink | undefined {
  const root = parseXml(bytes, where);
  if (localName(root.name) !== 'metalink') throw malformed(where, `is <${root.name}>, not a metalink`);
  if (root.children.length === 0) return undefined;
  const files = childrenOf(requireChild(root, 'files', where), 'file');
  const file = files.find((candidate) => candidate.attributes.get('name') === REPOMD_NAME);
  if (file === undefined) throw malformed(where, `does not list ${REPOMD_NAME}`);
  const alternates = childrenOfAnyPrefix(file, 'alternates').flatMap((list) =>
    childrenOfAnyPrefix(list, 'alternate'),
  );
  const newest = readVersion(file, where);
  if (newest === undefined) throw malformed(where, `has a ${REPOMD_NAME} without a SHA-256 or SHA-512 hash`);
  const older = alternates.map((alternate) => readVersion(alternate, where));
  return {
    versions: [newest, ...older.filter((version) => version !== undefined)],
    bases: readBases(requireChild(file, 'resources', where), where),
  };
}

/** Undefined when nothing proves what it is. An alternate's elements have its prefix or none, depending on who wrote them. */
function readVersion(version: XmlElement, where: string): ListedVersion | undefined {
  const one = (name: string) => childrenOfAnyPrefix(version, name)[0];
  const hashes = one('verification') === undefined ? [] : childrenOfAnyPrefix(one('verification'), 'hash');
  const digests: PackageDigest[] = [];
  for (const hash of hashes) {
    const type = requireAttribute(hash, 'type', where).toLowerCase().replace('-', '');
    if (type !== 'sha256' && type !== 'sha512') continue;
    const digest = `${type}:${hash.text.toLowerCase()}` as const;
    if (parsePackageDigest(digest) === undefined)
      throw malformed(where, `has the ${type} ${quote(hash.text)}`);
    digests.push(digest);
  }
  return digests.length === 0 ? undefined : { digests };
}

/** By preference, 100 first; of equals, in the order written. What is not on the web (rsync) is none of ours. */
function readBases(resources: XmlElement, where: string): string[] {
  const mirrors: { readonly base: string; readonly preference: number }[] = [];
  for (const resource of childrenOf(resources, 'url')) {
    if (!/^https?:\/\//.test(resource.text)) continue;
    const folder = resource.text.endsWith(REPOMD_END) ? resource.text.slice(0, 1 - REPOMD_END.length) : '';
    const base = parseBase(folder);
    if (base === undefined) throw malformed(where, `has the mirror ${quote(resource.text)}`);
    const preference = resource.attributes.get('preference') ?? '1';
    if (!/^\d{1,3}$/.test(preference) || Number(preference) > MAX_PREFERENCE) {
      throw malformed(where, `has the preference ${quote(preference)}`);
    }
    mirrors.push({ base, preference: Number(preference) });
  }
  if (mirrors.length === 0) throw malformed(where, 'lists no mirror on the web');
  return [...new Set(mirrors.toSorted((a, b) => b.preference - a.preference).map(({ base }) => base))];
}
