/** Queries of table `index_reads`: what became of each index in each run. */

import type { Database } from 'better-sqlite3';
import type { IndexSeen } from '../crawlers/types.ts';
import { optional, toParameters } from './columns.ts';
import type { SeenPackage } from './packages.ts';
import type { IsoTime } from './types.ts';

/** An index that was read, or, with a code, one that could not be. */
export interface IndexRead {
  readonly runId: number;
  readonly distro: string;
  /** `*` when not even the releases could be found out. */
  readonly release: string;
  readonly suite: string;
  readonly at: IsoTime;
  /** What of the index was asked for: a kernel that was not asked for has not gone when it is not seen. */
  readonly asked: string;
  readonly arch?: string;
  readonly url?: string;
  readonly trust?: IndexSeen['trust'];
  readonly signer?: string;
  /** When the mirror says that it was made. */
  readonly madeAt?: IsoTime;
  readonly kernels?: number;
  readonly code?: string;
  readonly message?: string;
}

export interface IndexReadTable {
  add(read: IndexRead): void;
  ofRun(runId: number): readonly IndexRead[];
  /** The newest read of each suite and architecture that succeeded, by distribution, release and suite. */
  newestGood(): readonly IndexRead[];
  /** The planes of which an index was read by the last run that asked this of the distribution and read any. */
  lastPlanes(
    distro: string,
    asked: string,
  ): readonly { readonly release: string; readonly arch: string; readonly at: IsoTime }[];
  /**
   * When each distribution was last read in whole by a run that came to its end, whatever follows it included; times
   * to come are a wrong clock's.
   */
  lastComplete(now: IsoTime): readonly { readonly distro: string; readonly at: IsoTime }[];
  /**
   * Whether the package was there when its suite was last read with the same question; undefined when the record
   * does not know how it was seen.
   */
  isStillListed(
    pkg: Pick<SeenPackage, 'distro' | 'release' | 'arch' | 'suite' | 'lastSeen'>,
  ): boolean | undefined;
}

interface IndexReadColumns {
  run_id: number;
  distro: string;
  release: string;
  suite: string;
  at: string;
  asked: string;
  arch: string | null;
  url: string | null;
  trust: IndexSeen['trust'] | null;
  signer: string | null;
  made_at: string | null;
  kernels: number | null;
  code: string | null;
  message: string | null;
}

const NOTHING_OPTIONAL = {
  arch: undefined,
  url: undefined,
  trust: undefined,
  signer: undefined,
  madeAt: undefined,
  kernels: undefined,
  code: undefined,
  message: undefined,
};

export function indexReadTable(db: Database): IndexReadTable {
  const insert = db.prepare<[Record<string, unknown>]>(
    `INSERT INTO index_reads (run_id, distro, release, suite, at, asked, arch, url, trust, signer, made_at, kernels, code,
       message)
     VALUES (@runId, @distro, @release, @suite, @at, @asked, @arch, @url, @trust, @signer, @madeAt, @kernels, @code, @message)`,
  );
  const byRun = db.prepare<[number], IndexReadColumns>(
    'SELECT * FROM index_reads WHERE run_id = ? ORDER BY id',
  );
  const later = db.prepare<[Record<string, unknown>], { last: string }>(
    `SELECT n.at AS last FROM index_reads s JOIN index_reads n USING (distro, release, suite, asked)
     WHERE s.distro = @distro AND s.release = @release AND s.suite = @suite AND s.at = @lastSeen
       AND s.code IS NULL AND n.code IS NULL AND s.arch IS @arch AND n.arch IS @arch
     ORDER BY n.id DESC LIMIT 1`,
  );
  const newest = db.prepare<[], IndexReadColumns>(
    `SELECT * FROM index_reads WHERE id IN (
       SELECT max(id) FROM index_reads WHERE code IS NULL GROUP BY distro, release, suite, arch)
     ORDER BY distro, release, suite, arch`,
  );
  const lastPlanes = db.prepare<[Record<string, string>], { release: string; arch: string; at: IsoTime }>(
    `SELECT release, arch, max(at) AS at FROM index_reads
     WHERE distro = @distro AND asked = @asked AND code IS NULL AND arch IS NOT NULL AND run_id = (
       SELECT max(run_id) FROM index_reads WHERE distro = @distro AND asked = @asked AND code IS NULL)
     GROUP BY release, arch ORDER BY release, arch`,
  );
  // Exit codes from 128 on: it was stopped.
  const complete = db.prepare<[IsoTime], { distro: string; at: IsoTime }>(
    `SELECT distro, max(finished_at) AS at FROM (
       SELECT i.distro, r.finished_at FROM index_reads i JOIN runs r ON r.id = i.run_id
       WHERE r.failure_code IS NULL AND r.exit_code < 128 AND r.finished_at <= ?
       GROUP BY i.run_id, i.distro HAVING count(i.code) = 0)
     GROUP BY distro ORDER BY distro`,
  );
  return {
    lastPlanes(distro, asked) {
      return lastPlanes.all({ distro, asked });
    },
    lastComplete(now) {
      return complete.all(now);
    },
    add(read) {
      insert.run(toParameters({ ...NOTHING_OPTIONAL, ...read }));
    },
    ofRun(runId) {
      return byRun.all(runId).map(toIndexRead);
    },
    isStillListed({ distro, release, arch, suite, lastSeen }) {
      const row = later.get({ distro, release, arch, suite, lastSeen });
      return row === undefined ? undefined : row.last === lastSeen;
    },
    newestGood() {
      return newest.all().map(toIndexRead);
    },
  };
}

function toIndexRead(row: IndexReadColumns): IndexRead {
  return {
    runId: row.run_id,
    distro: row.distro,
    release: row.release,
    suite: row.suite,
    at: row.at,
    asked: row.asked,
    ...optional('arch', row.arch),
    ...optional('url', row.url),
    ...optional('trust', row.trust),
    ...optional('signer', row.signer),
    ...optional('madeAt', row.made_at),
    ...optional('kernels', row.kernels),
    ...optional('code', row.code),
    ...optional('message', row.message),
  };
}
