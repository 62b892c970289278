/** Small rpm-md indexes and metalinks as text, for tests that never fetch a package. */

import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface IndexedRpm {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
  readonly epoch?: number;
  /** Default `Packages/<first letter>/<file>`. */
  readonly href?: string;
  /** SHA-256 of the package; default {@link RPM_DIGEST}. */
  readonly digest?: string;
}

/** The files of a repository's index by path below the repository. */
export interface RpmIndex {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly repomd: Buffer;
  /** Path of the list of packages. */
  readonly primaryPath: string;
}

/** SHA-256 that the index gives for a package unless told otherwise. */
export const RPM_DIGEST = 'cd'.repeat(32);

/** @param timestamp seconds since 1970, of the whole index */
export function rpmIndex(rpms: readonly IndexedRpm[], timestamp = 1_700_000_000): RpmIndex {
  const plain = Buffer.from(
    [
      '<?xml version="1.0" encoding="UTF-8"?>',
      `<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="${rpms.length}">`,
      ...rpms.map(packageXml),
      '</metadata>',
      '',
    ].join('\n'),
  );
  const primary = gzipSync(plain);
  const primaryPath = `repodata/${sha256(primary)}-primary.xml.gz`;
  const repomd = Buffer.from(
    [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<repomd xmlns="http://linux.duke.edu/metadata/repo">',
      `<revision>${timestamp}</revision>`,
      '<data type="primary">',
      `<checksum type="sha256">${sha256(primary)}</checksum>`,
      `<open-checksum type="sha256">${sha256(plain)}</open-checksum>`,
      `<location href="${primaryPath}"/>`,
      `<timestamp>${timestamp}</timestamp><size>${primary.length}</size><open-size>${plain.length}</open-size>`,
      '</data>',
      '</repomd>',
      '',
    ].join('\n'),
  );
  return {
    files: new Map([
      ['repodata/repomd.xml', repomd],
      [primaryPath, primary],
    ]),
    repomd,
    primaryPath,
  };
}

/** Writes a repository's index below its folder. */
export async function putRpmIndex(folder: string, rpms: readonly IndexedRpm[]): Promise<RpmIndex> {
  const index = rpmIndex(rpms);
  await mkdir(join(folder, 'repodata'), { recursive: true });
  for (const [path, bytes] of index.files) await writeFile(join(folder, path), bytes);
  return index;
}

/**
 * What MirrorManager answers for a repository.
 *
 * @param bases of its mirrors, best first, with a slash at the end
 * @param versions of repomd.xml that are valid, newest first
 */
export function metalinkOf(bases: readonly string[], versions: readonly Buffer[]): string {
  const [newest, ...older] = versions.map(
    (bytes) =>
      `<mm0:timestamp>1700000000</mm0:timestamp><size>${bytes.length}</size>` +
      `<verification><hash type="sha256">${sha256(bytes)}</hash></verification>`,
  );
  const alternates = older.map((version) => `<mm0:alternate>${version}</mm0:alternate>`).join('');
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<metalink version="3.0" xmlns="http://www.metalinker.org/" xmlns:mm0="http://fedorahosted.org/mirrormanager">',
    '<files><file name="repomd.xml">',
    newest,
    alternates === '' ? '' : `<mm0:alternates>${alternates}</mm0:alternates>`,
    '<resources maxconnections="1">',
    ...bases.map(
      (base, index) =>
        `<url protocol="${new URL(base).protocol.slice(0, -1)}" type="https" location="US" ` +
        `preference="${100 - index}">${base}repodata/repomd.xml</url>`,
    ),
    '</resources>',
    '</file></files>',
    '</metalink>',
    '',
  ].join('\n');
}

function packageXml({
  name,
  version,
  release,
  arch,
  epoch = 0,
  href,
  digest = RPM_DIGEST,
}: IndexedRpm): string {
  const file = `${name}-${version}-${release}.${arch}.rpm`;
  return [
    '<package type="rpm">',
    `<name>${name}</name><arch>${arch}</arch>`,
    `<version epoch="${epoch}" ver="${version}" rel="${release}"/>`,
    `<checksum type="sha256" pkgid="YES">${digest}</checksum>`,
    '<time file="1700000000" build="1700000000"/>',
    '<size package="1000" installed="2000" archive="2000"/>',
    `<location href="${href ?? `Packages/${name[0]}/${file}`}"/>`,
    '</package>',
  ].join('');
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
