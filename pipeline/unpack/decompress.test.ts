import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { compress, type Compression as Suffix } from '../../test/builders/deb-writer.ts';
import { needsTool } from '../../test/support/tools.ts';
import type { Compression } from './compression.ts';
import { decompress } from './decompress.ts';

const signal = new AbortController().signal;
/** Part compressible, part not, and longer than every decoder's chunk. */
const PLAIN = Buffer.concat([randomBytes(300_000), Buffer.alloc(2_000_000, 'kernel '), randomBytes(100_000)]);

const KINDS: readonly [Compression, Suffix][] = [
  ['gzip', 'gz'],
  ['xz', 'xz'],
  ['lzma', 'lzma'],
  ['zstd', 'zst'],
  ['bzip2', 'bz2'],
];

function decode(
  compression: Compression,
  packed: Uint8Array,
  threads = 1,
): AsyncGenerator<Uint8Array, void, undefined> {
  async function* open(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < packed.length; at += 50_000) yield packed.subarray(at, at + 50_000);
  }
  return decompress(compression, open, { threads, signal });
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of source) parts.push(chunk);
  return Buffer.concat(parts);
}

function withoutPrograms(): void {
  vi.stubEnv('PATH', '/nonexistent');
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.skipIf(needsTool('gzip', 'xz', 'zstd', 'bzip2'))('decompress', () => {
  it('hands plain bytes on', async () => {
    expect((await collect(decode('none', PLAIN))).equals(PLAIN)).toBe(true);
  });

  describe.each(KINDS)('%s', (compression, suffix) => {
    const packed = compress(PLAIN, suffix).then((bytes) => Buffer.from(bytes));

    it('gives back what was packed, with one thread and with two', async () => {
      for (const threads of [1, 2]) {
        expect((await collect(decode(compression, await packed, threads))).equals(PLAIN)).toBe(true);
      }
    });

    it('reads files packed in pieces', async () => {
      if (compression === 'lzma') return; // lzma-alone knows no concatenation
      const twice = Buffer.concat([await packed, await packed]);
      expect((await collect(decode(compression, twice))).length).toBe(2 * PLAIN.length);
    });

    it('notices truncation everywhere', async () => {
      const all = await packed;
      for (const length of [0, 3, 20, 1000, all.length >> 1, all.length - 4, all.length - 1]) {
        await expect(
          collect(decode(compression, all.subarray(0, length))),
          `${length} bytes`,
        ).rejects.toMatchObject({
          code: 'package-malformed',
        });
      }
    });

    it('notices a flipped bit', async () => {
      for (const part of [0.1, 0.5, 0.9]) {
        const damaged = Buffer.from(await packed);
        damaged[Math.floor(damaged.length * part)] ^= 0x04;
        const result = collect(decode(compression, damaged));
        // lzma-alone has no checksum: damage in a literal goes through, and only the package's digest tells.
        if (compression === 'lzma') await result.catch(() => undefined);
        else await expect(result).rejects.toMatchObject({ code: 'package-malformed' });
      }
    });

    it('can be left early', async () => {
      const output = decode(compression, await packed);
      expect((await output.next()).done).toBe(false);
      await output.return();
    });
  });

  it('says which program is missing', async () => {
    const packed = await Promise.all((['xz', 'lzma', 'zst'] as const).map((how) => compress(PLAIN, how)));
    withoutPrograms();
    for (const [i, kind] of (['xz', 'lzma', 'zstd'] as const).entries()) {
      await expect(collect(decode(kind, packed[i]))).rejects.toMatchObject({
        code: 'tool-missing',
        message: expect.stringContaining(kind === 'zstd' ? 'zstd' : 'xz'),
      });
    }
  });

  it('ignores options in the environment', async () => {
    const packed = await compress(PLAIN, 'xz');
    vi.stubEnv('XZ_OPT', '--memlimit=1KiB');
    expect((await collect(decode('xz', packed))).equals(PLAIN)).toBe(true);
  });
});

describe.skipIf(needsTool('bzip2'))('bzip2 without its program', () => {
  const packed = compress(PLAIN, 'bz2').then((bytes) => Buffer.from(bytes));

  it('gives back what was packed', async () => {
    const bytes = await packed;
    withoutPrograms();
    expect((await collect(decode('bzip2', bytes))).equals(PLAIN)).toBe(true);
    expect((await collect(decode('bzip2', Buffer.concat([bytes, bytes])))).length).toBe(2 * PLAIN.length);
  });

  it('notices damage', async () => {
    const bytes = await packed;
    withoutPrograms();
    const flipped = Buffer.from(bytes);
    flipped[bytes.length >> 1] ^= 0x04;
    const cuts = [0, 3, 4, 20, bytes.length >> 1, bytes.length - 4, bytes.length - 1];
    for (const damaged of [
      flipped,
      ...cuts.map((length) => bytes.subarray(0, length)),
      Buffer.from('no bzip2'),
    ]) {
      await expect(collect(decode('bzip2', damaged)), `${damaged.length} bytes`).rejects.toMatchObject({
        code: 'package-malformed',
      });
    }
  });
});
