import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { needsTool } from '../../test/support/tools.ts';
import { decompressIndex, type IndexCompression } from './decompress.ts';

const PLAIN = Buffer.from('Package: a\n\n'.repeat(50_000));

async function unpack(
  compressed: Buffer,
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

describe.skipIf(needsTool('xz')).each([
  ['.xz', (bytes: Buffer) => execFileSync('xz', ['-c'], { input: bytes })],
  ['.gz', (bytes: Buffer) => gzipSync(bytes)],
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

test('no xz → tool-missing', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = '/nowhere';
  try {
    await expect(unpack(PLAIN, '.xz')).rejects.toMatchObject({ code: 'tool-missing' });
  } finally {
    process.env['PATH'] = path;
  }
});

test('uncompressed bytes pass, within their limit', async () => {
  expect((await unpack(PLAIN, '')).equals(PLAIN)).toBe(true);
  await expect(unpack(PLAIN, '', { maxBytes: 5 })).rejects.toMatchObject({ code: 'index-malformed' });
});
