import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { type BtfRecord, openRecord } from '../../db/index.ts';
import { debugPackage } from '../../test/support/debug-package.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { backUpRecord } from './backups.ts';

let record: BtfRecord;
let folder: string;

beforeEach(async () => {
  const dir = await tempDirForTest('backups');
  record = openRecord(join(dir, 'record.sqlite'));
  onTestFinished(() => record.close());
  folder = join(dir, 'backups');
});

/** A kernel more, and a copy on that day of November. */
async function copyOn(day: number, keep = 2): Promise<string | undefined> {
  const at = `2026-11-${String(day).padStart(2, '0')}T02:00:00.000Z`;
  record.kernels.ensure(debugPackage(`6.1.0-${day}-amd64`), at);
  return backUpRecord(record, { folder, keep, now: new Date(at) });
}

const copies = (): string[] => readdirSync(folder).toSorted();

it('keeps the newest copies', async () => {
  for (const day of [1, 2, 3]) expect(await copyOn(day)).toContain(`T020000Z.sqlite`);
  expect(copies()).toEqual(['btfmill-20261102T020000Z.sqlite', 'btfmill-20261103T020000Z.sqlite']);
  await copyOn(4, 1);
  expect(copies()).toEqual(['btfmill-20261104T020000Z.sqlite']);
});

it('makes none while nothing changes, and one when a kernel was withdrawn meanwhile', async () => {
  await copyOn(1);
  const later = { folder, keep: 5, now: new Date('2026-11-02T02:00:00Z') };
  expect(await backUpRecord(record, later)).toBeUndefined();
  record.transaction(() => {
    const id = record.kernels.ensure(debugPackage('6.1.0-1-amd64'), '2026-11-02');
    const packageId = record.packages.see(debugPackage('6.1.0-1-amd64'), '2026-11-02');
    record.kernels.markNoDebugInfo(id, packageId, '2026-11-02T01:00:00.000Z');
  });
  expect(await backUpRecord(record, later)).toBeDefined();
  expect(copies()).toHaveLength(2);
});

it('does not remove new copies for those of a clock that was ahead', async () => {
  await copyOn(1);
  for (const year of [2098, 2099])
    writeFileSync(join(folder, `btfmill-${year}0101T020000Z.sqlite`), 'no database');
  await copyOn(2, 3);
  expect(copies()).toEqual([
    'btfmill-20261101T020000Z.sqlite',
    'btfmill-20261102T020000Z.sqlite',
    'btfmill-20990101T020000Z.sqlite',
  ]);
});
