import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDirForTest } from '../test/support/temp.ts';
import { sweepIndexCache } from './sweep-index-cache.ts';

test('what killed runs left goes after an hour; bodies, and what is in use, stay', async () => {
  const folder = await tempDirForTest('index-cache');
  const body = 'a'.repeat(64);
  for (const name of ['gpgv-old', 'gpgv-new', 'sqlite-old', 'sqlite-new']) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'signed'), 'x');
  }
  for (const name of [body, `${body}.old.part`, `${body}.new.part`]) await writeFile(join(folder, name), 'x');
  const longAgo = new Date(Date.now() - 2 * 3_600_000);
  for (const name of ['gpgv-old', 'sqlite-old', body, `${body}.old.part`])
    await utimes(join(folder, name), longAgo, longAgo);
  await sweepIndexCache(folder);
  expect((await readdir(folder)).sort()).toEqual([body, `${body}.new.part`, 'gpgv-new', 'sqlite-new']);
});

test('a cache that is not there yet is clean', async () => {
  await sweepIndexCache(join(await tempDirForTest('index-cache'), 'none'));
});
