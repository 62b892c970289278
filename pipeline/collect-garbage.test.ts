import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDirForTest } from '../test/support/temp.ts';
import { collectGarbage } from './collect-garbage.ts';

const OLD = new Date('2026-11-01T00:00:00Z');
const NEW = new Date('2026-11-20T00:00:00Z');
const KEEP_SINCE = new Date('2026-11-14T00:00:00Z');
const [USED, UNUSED] = ['a'.repeat(64), 'b'.repeat(64)];

async function makeCache(): Promise<string> {
  const cacheDir = await tempDirForTest('gc');
  const files: [string, Date][] = [
    ['packages/old.deb', OLD],
    ['packages/old.part', OLD],
    ['packages/new.part', NEW],
    [`indexes/${USED}`, OLD],
    [`indexes/${UNUSED}`, OLD],
    ['indexes/new', NEW],
    ['btfmill-work/7/vmlinux', NEW],
    ['lock', OLD],
    ['somebody-elses', OLD],
  ];
  for (const [name, time] of files) {
    const path = join(cacheDir, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'x'.repeat(10));
    utimesSync(path, time, time);
  }
  return cacheDir;
}

const GARBAGE = ['packages/old.deb', 'packages/old.part', `indexes/${UNUSED}`, 'btfmill-work/7/vmlinux'];

it('removes what nobody needs, and nothing else', async () => {
  const cacheDir = await makeCache();
  const options = { cacheDir, bodiesInUse: new Set([USED]), keepSince: KEEP_SINCE };
  const planned = await collectGarbage({ ...options, dryRun: true });
  expect(planned).toEqual(GARBAGE.map((path) => ({ path, sizeBytes: 10 })));
  expect(GARBAGE.every((path) => existsSync(join(cacheDir, path)))).toBe(true);

  expect(await collectGarbage({ ...options, dryRun: false })).toEqual(planned);
  expect(GARBAGE.some((path) => existsSync(join(cacheDir, path)))).toBe(false);
  for (const path of ['packages/new.part', `indexes/${USED}`, 'indexes/new', 'lock', 'somebody-elses']) {
    expect(existsSync(join(cacheDir, path))).toBe(true);
  }
});

it('a cache that is not there holds no garbage', async () => {
  const cacheDir = join(await tempDirForTest('gc'), 'none');
  expect(
    await collectGarbage({ cacheDir, bodiesInUse: new Set(), keepSince: KEEP_SINCE, dryRun: false }),
  ).toEqual([]);
});
