/** Queries of table `http_validators`: ETag and Last-Modified per index URL, so that unchanged indexes cost headers only. */

import type { Database } from 'better-sqlite3';
import type { HttpValidator, ValidatorStore } from '../crawlers/types.ts';
import { optional, toParameters } from './columns.ts';

interface ValidatorColumns {
  etag: string | null;
  last_modified: string | null;
  sha256: string;
}

/** SHA-256 of every body that a validator stands for: what a cache of bodies has to keep. */
export function bodiesInUse(db: Database): string[] {
  return db.prepare<[], string>('SELECT DISTINCT sha256 FROM http_validators').pluck().all();
}

/** @param now clock of `updated_at`. */
export function httpValidatorTable(db: Database, now: () => Date): ValidatorStore {
  const upsert = db.prepare(
    `INSERT INTO http_validators (url, etag, last_modified, sha256, updated_at)
     VALUES (@url, @etag, @lastModified, @sha256, @at)
     ON CONFLICT DO UPDATE SET etag = excluded.etag, last_modified = excluded.last_modified,
       sha256 = excluded.sha256, updated_at = excluded.updated_at`,
  );
  const select = db.prepare<[string], ValidatorColumns>(
    'SELECT etag, last_modified, sha256 FROM http_validators WHERE url = ?',
  );
  return {
    get(url) {
      const row = select.get(url);
      if (row === undefined) return undefined;
      const validator: HttpValidator = {
        ...optional('etag', row.etag),
        ...optional('lastModified', row.last_modified),
        sha256: row.sha256,
      };
      return validator;
    },
    set(url, validator) {
      const at = now().toISOString();
      upsert.run(toParameters({ etag: undefined, lastModified: undefined, ...validator, url, at }));
    },
  };
}
