import { array, assert, asyncProperty, constantFrom, nat, record, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpioArchive as writeCpio, REGULAR } from '../../test/builders/cpio-writer.ts';
import type { ArchiveFlow } from './archive.ts';
import { cpioArchive, type FileList } from './cpio-archive.ts';

const GIB = 1024 ** 3;
const NO_LIST = (): FileList => {
  throw new Error('not asked for');
};

interface Source extends AsyncIterable<Uint8Array> {
  readonly isClosed: boolean;
}

/** A source in pieces that tells whether it was closed. */
function sourceOf(pieces: Iterable<Uint8Array>): Source {
  let isClosed = false;
  return {
    get isClosed() {
      return isClosed;
    },
    async *[Symbol.asyncIterator]() {
      try {
        yield* pieces;
      } finally {
        isClosed = true;
      }
    },
  };
}

function* inPieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll({ members }: ArchiveFlow): Promise<[string, string][]> {
  const seen: [string, string][] = [];
  for await (const { names, content } of members) {
    const parts: Uint8Array[] = [];
    for await (const chunk of content) parts.push(Uint8Array.from(chunk));
    seen.push([names.join(' '), Buffer.concat(parts).toString('latin1')]);
  }
  return seen;
}

describe('cpioArchive', () => {
  const CPIO = writeCpio('newc', [
    { name: 'a', data: Buffer.from('first') },
    { name: 'empty' },
    { name: 'b', data: Buffer.alloc(1000, 'b') },
  ]);

  it.each([1, 3, 109, 110, 4096])('in pieces of %i bytes', async (size) => {
    const source = sourceOf(inPieces(CPIO, size));
    let bytes = 0;
    const seen = await cpioArchive(source, NO_LIST).read(async (flow) => {
      const all = await readAll(flow);
      bytes = flow.bytes;
      return all;
    });
    expect(seen).toEqual([
      ['a', 'first'],
      ['empty', ''],
      ['b', 'b'.repeat(1000)],
    ]);
    expect(bytes).toBe(CPIO.length);
    expect(source.isClosed).toBe(true);
  });

  it('gives back what was written', async () => {
    const file = record({
      name: constantFrom('./a', './b/c', 'ü', 'x'.repeat(300)),
      data: uint8Array({ maxLength: 50 }),
    });
    await assert(
      asyncProperty(constantFrom('newc', 'crc'), array(file), nat(40), async (form, files, extra) => {
        const source = sourceOf(inPieces(writeCpio(form, files), extra + 1));
        const seen = await cpioArchive(source, NO_LIST).read(readAll);
        expect(seen).toEqual(files.map(({ name, data }) => [name, Buffer.from(data).toString('latin1')]));
      }),
    );
  });

  it('closes the source when the consumer has enough', async () => {
    const source = sourceOf(inPieces(CPIO, 10));
    const first = await cpioArchive(source, NO_LIST).read(async ({ members }) => {
      for await (const { names } of members) return names;
      return [];
    });
    expect(first).toEqual(['a']);
    expect(source.isClosed).toBe(true);
  });

  it('closes the source when the consumer fails, or the archive', async () => {
    const source = sourceOf(inPieces(CPIO, 10));
    const failing = cpioArchive(source, NO_LIST).read(async ({ members }) => {
      for await (const _ of members) throw new TypeError('consumer broke');
    });
    await expect(failing).rejects.toThrow(TypeError);
    expect(source.isClosed).toBe(true);

    const damaged = sourceOf(inPieces(CPIO.subarray(1), 10));
    await expect(cpioArchive(damaged, NO_LIST).read(readAll)).rejects.toMatchObject({
      code: 'package-malformed',
    });
    expect(damaged.isClosed).toBe(true);
  });

  it('throws what the source throws', async () => {
    function* broken(): Generator<Uint8Array> {
      yield CPIO.subarray(0, 50);
      throw new Error('source broke');
    }
    await expect(cpioArchive(sourceOf(broken()), NO_LIST).read(readAll)).rejects.toThrow('source broke');
  });
});

describe('large ones', () => {
  const ZEROS = Buffer.alloc(1024 * 1024);

  /** A stripped member of so many bytes, and one behind it. */
  function* large(sizeBytes: number): Generator<Uint8Array> {
    yield writeCpio('stripped', [{ name: '', index: 0 }], { trailer: false });
    for (let left = sizeBytes; left > 0; left -= ZEROS.length)
      yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
    yield new Uint8Array((4 - (sizeBytes % 4)) % 4);
    yield writeCpio('stripped', [{ name: '', index: 1, data: Buffer.from('behind') }]);
  }

  const listOf = (sizeBytes: number) => (): FileList => ({
    file: (index) => ({
      names: [`file ${index}`],
      mode: REGULAR,
      sizeBytes: index === 0 ? sizeBytes : 6,
      isEarlierLink: false,
    }),
  });

  async function sizes({ members }: ArchiveFlow): Promise<[string, number][]> {
    const seen: [string, number][] = [];
    for await (const { names, content } of members) {
      let sizeBytes = 0;
      for await (const chunk of content) sizeBytes += chunk.length;
      seen.push([names.join(' '), sizeBytes]);
    }
    return seen;
  }

  it('a member of more than 4 GiB is passed by', async () => {
    const sizeBytes = 4 * GIB + 5;
    const seen = await cpioArchive(sourceOf(large(sizeBytes)), listOf(sizeBytes)).read(sizes);
    expect(seen).toEqual([
      ['file 0', sizeBytes],
      ['file 1', 6],
    ]);
  });

  it('a bomb is refused', async () => {
    const source = sourceOf(large(65 * GIB));
    await expect(cpioArchive(source, listOf(65 * GIB)).read(sizes)).rejects.toMatchObject({
      code: 'package-too-large',
      message: `rpm payload: unpacks to more than ${64 * GIB} bytes`,
    });
    expect(source.isClosed).toBe(true);
  });

  it('more members than any package has', async () => {
    const member = writeCpio('newc', [{ name: 'x' }], { trailer: false });
    const thousand = Buffer.concat(Array.from({ length: 1000 }, () => member));
    function* endless(): Generator<Uint8Array> {
      for (;;) yield thousand;
    }
    await expect(cpioArchive(sourceOf(endless()), NO_LIST).read(sizes)).rejects.toMatchObject({
      code: 'package-too-large',
      message: 'rpm payload: more than 250000 members',
    });
  });
});
