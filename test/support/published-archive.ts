/** An archive with its record and key, for tests of publishing and of what reads the result. */

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type BtfRecord, openRecord } from '../../db/index.ts';
import { generateSigningKey, type SigningKey } from '../../pipeline/publish/minisign.ts';
import { publishArchive, type PublishOptions, type PublishReport } from '../../pipeline/publish/publish.ts';
import { addPublished } from './published-kernels.ts';
import { tempDirForTest } from './temp.ts';

export const DAY = 86_400_000;
export const NOW = new Date('2026-11-21T02:00:00.000Z');

export interface PublishedArchive {
  readonly archiveDir: string;
  readonly record: BtfRecord;
  readonly key: SigningKey;
  /** Adds a kernel of Debian 12 on x86_64 to archive and record; gives its path. */
  add(kernel: string): string;
  publish(more?: Partial<PublishOptions>): Promise<PublishReport>;
  read(path: string): Buffer;
}

export async function makeArchive(): Promise<PublishedArchive> {
  const folder = await tempDirForTest('publish');
  const archiveDir = join(folder, 'archive');
  mkdirSync(archiveDir);
  const record = openRecord(join(folder, 'record.sqlite'));
  onTestFinished(() => record.close());
  const key = generateSigningKey();
  const { signal } = new AbortController();
  return {
    archiveDir,
    record,
    key,
    add: (kernel) => addPublished(record, archiveDir, { kernel }).path,
    publish: (more = {}) =>
      publishArchive({ archiveDir, record, key, validForMs: 7 * DAY, now: NOW, signal, ...more }),
    read: (path) => readFileSync(join(archiveDir, path)),
  };
}
