import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempDirForTest } from '../test/support/temp.ts';
import { needsTool } from '../test/support/tools.ts';
import { decompressIndex, type IndexCompression, type IndexSource } from './decompress-index.ts';

const PLAIN = Buffer.from('Package: a\n\n'.repeat(50_000));

async function unpack(
  compressed: IndexSource,
  compression: IndexCompression,
  options: { maxBytes?: number; signal?: AbortSignal } = {},
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const { maxBytes = PLAIN.length, signal = new AbortController().signal } = options;
  for await (const chunk of decompressIndex(compressed, compression, { where: 'x', maxBytes, signal })) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

describe.skipIf(needsTool('xz', 'zstd', 'bzip2')).each([
  ['.xz', (bytes: Buffer) => execFileSync('xz', ['-c'], { input: bytes })],
  ['.gz', (bytes: Buffer) => gzipSync(bytes)],
  ['.zst', (bytes: Buffer) => execFileSync('zstd', ['-c', '--check'], { input: bytes })],
  ['.bz2', (bytes: Buffer) => execFileSync('bzip2', ['-c'], { input: bytes })],
] as const)('%s', (compression, compress) => {
  const compressed = compress(PLAIN);

  test('gives the same bytes', async () => {
    expect((await unpack(compressed, compression)).equals(PLAIN)).toBe(true);
  });

  test.each([1, compressed.length >> 1, compressed.length - 1])(
    'cut after %i bytes → index-malformed',
    async (end) => {
      await expect(unpack(compressed.subarray(0, end), compression)).rejects.toMatchObject({
        code: 'index-malformed',
      });
    },
  );

  test('a flipped bit → index-malformed', async () => {
    const damaged = Buffer.from(compressed);
    damaged[damaged.length >> 1] ^= 0x10;
    await expect(unpack(damaged, compression)).rejects.toMatchObject({ code: 'index-malformed' });
  });

  test('more than announced → index-malformed', async () => {
    await expect(unpack(compressed, compression, { maxBytes: PLAIN.length - 1 })).rejects.toMatchObject({
      code: 'index-malformed',
    });
  });

  test('out of a file: the same bytes, and the same complaints', async () => {
    const path = join(await tempDirForTest('decompress'), 'index');
    await writeFile(path, compressed);
    expect((await unpack({ path }, compression)).equals(PLAIN)).toBe(true);
    await truncate(path, compressed.length - 1);
    await expect(unpack({ path }, compression)).rejects.toMatchObject({
      code: 'index-malformed',
      // In the program's own words, which tell damage from a file that it could not read.
      message: expect.stringMatching(/^x: damaged (gzip data$|data \((xz|zstd|bzip2): .)/u),
    });
    await rm(path);
    await expect(unpack({ path }, compression)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a reader that leaves early is no error', async () => {
    const options = { where: 'x', maxBytes: PLAIN.length, signal: new AbortController().signal };
    for await (const chunk of decompressIndex(compressed, compression, options)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
  });
});

test.skipIf(needsTool('xz'))('an abort → aborted', async () => {
  const compressed = execFileSync('xz', ['-c'], { input: PLAIN });
  await expect(unpack(compressed, '.xz', { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'aborted',
  });
});

test.each(['.xz', '.zst', '.bz2'] as const)('no program for %s → tool-missing', async (compression) => {
  const path = process.env['PATH'];
  process.env['PATH'] = '/nowhere';
  try {
    await expect(unpack(PLAIN, compression)).rejects.toMatchObject({ code: 'tool-missing' });
  } finally {
    process.env['PATH'] = path;
  }
});

test('uncompressed bytes pass, within their limit', async () => {
  const path = join(await tempDirForTest('decompress'), 'index');
  await writeFile(path, PLAIN);
  expect((await unpack({ path }, '')).equals(PLAIN)).toBe(true);
  expect((await unpack(PLAIN, '')).equals(PLAIN)).toBe(true);
  await expect(unpack(PLAIN, '', { maxBytes: 5 })).rejects.toMatchObject({ code: 'index-malformed' });
});
