/** Queries of table `index_reads`: what became of each index in each run. */

import type { Database } from 'better-sqlite3';
import type { IndexSeen } from '../crawlers/types.ts';
import { optional, toParameters } from './columns.ts';
import type { IsoTime } from './types.ts';

/** An index that was read, or, with a code, one that could not be. */
export interface IndexRead {
  readonly runId: number;
  readonly distro: string;
  /** `*` when not even the releases could be found out. */
  readonly release: string;
  readonly suite: string;
  readonly at: IsoTime;
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
}

interface IndexReadColumns {
  run_id: number;
  distro: string;
  release: string;
  suite: string;
  at: string;
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
    `INSERT INTO index_reads (run_id, distro, release, suite, at, arch, url, trust, signer, made_at, kernels, code,
       message)
     VALUES (@runId, @distro, @release, @suite, @at, @arch, @url, @trust, @signer, @madeAt, @kernels, @code, @message)`,
  );
  const byRun = db.prepare<[number], IndexReadColumns>(
    'SELECT * FROM index_reads WHERE run_id = ? ORDER BY id',
  );
  const newest = db.prepare<[], IndexReadColumns>(
    `SELECT * FROM index_reads WHERE id IN (
       SELECT max(id) FROM index_reads WHERE code IS NULL GROUP BY distro, release, suite, arch)
     ORDER BY distro, release, suite, arch`,
  );
  return {
    add(read) {
      insert.run(toParameters({ ...NOTHING_OPTIONAL, ...read }));
    },
    ofRun(runId) {
      return byRun.all(runId).map(toIndexRead);
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
