/** Queries of table `packages`: every debug package that an index ever named, with first and last sight. */

import type { Database } from 'better-sqlite3';
import type { DebugPackage, KernelKey } from '../crawlers/types.ts';
import type { IsoTime } from './types.ts';

/** A package as the record knows it. */
export interface SeenPackage extends Omit<DebugPackage, 'otherUrls' | 'signature'> {
  readonly id: number;
  readonly firstSeen: IsoTime;
  readonly lastSeen: IsoTime;
}

export interface PackageTable {
  /**
   * Records that an index names this package now, and returns its id. The same content (kernel, name, version,
   * digest) is one row; where it was seen last (url, suite, trust) replaces what was known.
   */
  see(pkg: DebugPackage, at: IsoTime): number;
  /** Of a package that was seen before. */
  idOf(pkg: DebugPackage): number | undefined;
  byId(id: number): SeenPackage | undefined;
  /** Every package that was ever seen of a kernel, the one seen last first. */
  ofKernel(key: KernelKey): readonly SeenPackage[];
  /** Packages that a run was the first to see, of kernels that had another one before. */
  replacementsOf(runId: number): readonly SeenPackage[];
  /**
   * Packages that the run before, with the same question to the same suite, was the last to see, of kernels that have
   * no other package since. Some that came back later are not among them.
   */
  lastSeenBefore(runId: number): readonly SeenPackage[];
}

interface PackageColumns {
  id: number;
  distro: string;
  release: string;
  arch: string;
  kernel: string;
  name: string;
  version: string;
  format: string;
  url: string;
  size_bytes: number;
  digest: string;
  index_url: string;
  suite: string;
  trust: string;
  first_seen: string;
  last_seen: string;
}

export function packageTable(db: Database): PackageTable {
  const upsert = db.prepare<[Record<string, unknown>], { id: number }>(
    `INSERT INTO packages (distro, release, arch, kernel, name, version, format, url, size_bytes, digest,
       index_url, suite, trust, first_seen, last_seen)
     VALUES (@distro, @release, @arch, @kernel, @packageName, @packageVersion, @format, @url, @sizeBytes, @digest,
       @indexUrl, @suite, @trust, @at, @at)
     ON CONFLICT DO UPDATE SET url = excluded.url, size_bytes = excluded.size_bytes,
       index_url = excluded.index_url, suite = excluded.suite, trust = excluded.trust, last_seen = excluded.last_seen
     RETURNING id`,
  );
  const byKernel = db.prepare<[Record<string, unknown>], PackageColumns>(
    `SELECT * FROM packages WHERE distro = @distro AND release = @release AND arch = @arch AND kernel = @kernel
     ORDER BY last_seen DESC, id DESC`,
  );
  const find = db.prepare<[Record<string, unknown>], { id: number }>(
    `SELECT id FROM packages WHERE distro = @distro AND release = @release AND arch = @arch AND kernel = @kernel
       AND name = @packageName AND version = @packageVersion AND digest = @digest`,
  );
  const select = db.prepare<[number], PackageColumns>('SELECT * FROM packages WHERE id = ?');
  // Every package of a run was seen at the time that its reads of indexes have.
  const replacements = db.prepare<[number], PackageColumns>(
    `SELECT p.* FROM packages p
     WHERE p.first_seen IN (SELECT at FROM index_reads WHERE run_id = ?) AND EXISTS (
       SELECT 1 FROM packages o WHERE o.distro = p.distro AND o.release = p.release AND o.arch = p.arch
         AND o.kernel = p.kernel AND o.first_seen < p.first_seen)
     ORDER BY p.distro, p.release, p.arch, p.kernel, p.id`,
  );
  const vanished = db.prepare<[number], PackageColumns>(
    `SELECT DISTINCT p.* FROM index_reads n
     JOIN index_reads b ON b.id = (
       SELECT max(id) FROM index_reads x
       WHERE x.distro = n.distro AND x.release = n.release AND x.suite = n.suite AND x.arch = n.arch
         AND x.asked = n.asked AND x.code IS NULL AND x.run_id < n.run_id)
     JOIN packages p ON p.distro = n.distro AND p.release = n.release AND p.arch = n.arch AND p.suite = n.suite
       AND p.last_seen = b.at
     WHERE n.run_id = ? AND n.code IS NULL AND NOT EXISTS (
       SELECT 1 FROM packages o WHERE o.distro = p.distro AND o.release = p.release AND o.arch = p.arch
         AND o.kernel = p.kernel AND o.last_seen >= n.at)
     ORDER BY p.distro, p.release, p.arch, p.kernel, p.id`,
  );
  return {
    see(pkg, at) {
      const row = upsert.get({ ...pkg, at });
      if (row === undefined) throw new Error('INSERT … RETURNING gave no row');
      return row.id;
    },
    idOf({ distro, release, arch, kernel, packageName, packageVersion, digest }) {
      return find.get({ distro, release, arch, kernel, packageName, packageVersion, digest })?.id;
    },
    ofKernel({ distro, release, arch, kernel }) {
      return byKernel.all({ distro, release, arch, kernel }).map(toPackage);
    },
    replacementsOf(runId) {
      return replacements.all(runId).map(toPackage);
    },
    lastSeenBefore(runId) {
      return vanished.all(runId).map(toPackage);
    },
    byId(id) {
      const row = select.get(id);
      return row === undefined ? undefined : toPackage(row);
    },
  };
}

function toPackage(row: PackageColumns): SeenPackage {
  return {
    id: row.id,
    distro: row.distro,
    release: row.release,
    arch: row.arch,
    kernel: row.kernel,
    packageName: row.name,
    packageVersion: row.version,
    format: row.format as DebugPackage['format'],
    url: row.url,
    sizeBytes: row.size_bytes,
    digest: row.digest as DebugPackage['digest'],
    indexUrl: row.index_url,
    suite: row.suite,
    trust: row.trust as DebugPackage['trust'],
    firstSeen: row.first_seen,
    lastSeen: row.last_seen,
  };
}
