import { describe, expect, it } from 'vitest';
import { tarArchive } from '../../test/builders/deb-writer.ts';
import { readTar, type TarFlow } from './tar-feed.ts';

const TAR = tarArchive([
  { name: 'a', data: Buffer.alloc(300_000, 'a') },
  { name: 'empty' },
  { name: 'b', data: Buffer.from('b') },
]);

/** A source in pieces that tells whether it was closed, and how far it was read. */
class Source {
  isClosed = false;
  pieces = 0;
  readonly #failAfter: number;

  constructor(failAfter = Number.POSITIVE_INFINITY) {
    this.#failAfter = failAfter;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; at < TAR.length; at += 1000) {
        if (this.pieces === this.#failAfter) throw new Error('source broke');
        this.pieces += 1;
        yield TAR.subarray(at, at + 1000);
      }
    } finally {
      this.isClosed = true;
    }
  }
}

async function listNames({ members }: TarFlow): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of members) {
    names.push(entry.header.name);
    for await (const _ of entry);
  }
  return names;
}

async function breakDown({ members }: TarFlow): Promise<void> {
  for await (const _ of members) throw new TypeError('consumer broke');
}

describe('readTar', () => {
  it('shows all members and counts the bytes', async () => {
    const source = new Source();
    let bytes = 0;
    const names = await readTar(source, Infinity, async (flow) => {
      const seen = await listNames(flow);
      bytes = flow.bytes;
      return seen;
    });
    expect(names).toEqual(['a', 'empty', 'b']);
    expect(bytes).toBe(TAR.length);
    expect(source.isClosed).toBe(true);
  });

  it('closes the source when the consumer has enough', async () => {
    const source = new Source();
    const first = await readTar(source, Infinity, async ({ members }) => {
      for await (const entry of members) {
        for await (const _ of entry) break;
        return entry.header.name;
      }
      return undefined;
    });
    expect(first).toBe('a');
    expect(source.isClosed).toBe(true);
    expect(source.pieces).toBeLessThan(100);
  });

  it('closes the source when the consumer never looks', async () => {
    const source = new Source();
    expect(await readTar(source, Infinity, () => Promise.resolve(7))).toBe(7);
    expect(source.isClosed).toBe(true);
  });

  it.each([0, 1, 100])('throws what the source threw after %i pieces', async (pieces) => {
    await expect(readTar(new Source(pieces), Infinity, listNames)).rejects.toThrow('source broke');
  });

  it('throws what the consumer threw', async () => {
    const source = new Source();
    await expect(readTar(source, Infinity, breakDown)).rejects.toThrow(TypeError);
    expect(source.isClosed).toBe(true);
  });

  it('refuses more than it may', async () => {
    await expect(readTar(new Source(), 100_000, listNames)).rejects.toMatchObject({
      code: 'package-too-large',
    });
  });

  it.each([
    ['a cut in a member', TAR.subarray(0, 200_000)],
    ['a cut in a header', TAR.subarray(0, 100)],
    ['garbage', Buffer.alloc(4096, 'garbage')],
  ])('names %s', async (_, bytes) => {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield bytes;
    }
    await expect(readTar(source(), Infinity, listNames)).rejects.toMatchObject({
      code: 'package-malformed',
      message: expect.stringMatching(/^deb data\.tar\+0x[0-9a-f]+: /u),
    });
  });
});
