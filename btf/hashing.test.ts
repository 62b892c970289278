import { afterEach, describe, expect, it } from 'vitest';
import { assembleBtf, collectRange, readConversionInput } from '../dwarf/index.ts';
import { memorySource, openElf } from '../elf/index.ts';
import { die, form, ref, unit, writeDwarfElf } from '../test/builders/dwarf-writer.ts';
import { addWord, finishWords, hashKey, seedHashes } from './hashing.ts';
import {
  BtfBuilder,
  type Btf,
  BTF_INT_SIGNED,
  compareDeep,
  decodeBtf,
  indexBase,
  splitBtf,
} from './index.ts';
import { LEAF_STRUCT, TypePool } from './type-pool.ts';

const UNSEEDED = hashKey();

afterEach(() => {
  seedHashes(Int32Array.of(UNSEEDED.first, UNSEEDED.second));
});

/** Some seeds, always the same. */
const SEEDS = Array.from({ length: 50 }, (_, i) =>
  Int32Array.of(Math.imul(i + 1, 0x2545f491), Math.imul(i + 7, 0x6c078965) ^ (i << 27)),
);

function hashOf(words: readonly number[]): number {
  const { first, second } = hashKey();
  return finishWords(words.reduce((hash, word) => addWord(hash, word, first, second), 0));
}

/** n pairs of words that all have one hash as long as there is no seed: the second word takes the first one back. */
function flood(n: number): number[][] {
  const { first, second } = UNSEEDED;
  const start = addWord(0, 0, first, second);
  return Array.from({ length: n }, (_, i) => [i, addWord(0, i, first, second) ^ start]);
}

describe('hashes of words', () => {
  it('that were made to be one without a seed are many with one', () => {
    const words = flood(1000);
    expect(new Set(words.map(hashOf)).size).toBe(1);
    for (const seed of SEEDS) {
      seedHashes(seed);
      expect(new Set(words.map(hashOf)).size).toBeGreaterThan(990);
    }
  });

  it('differ after changes of the highest bits, which one multiplication would carry on unchanged', () => {
    const changes = [0x8001_0000, 0x8000_0000, 0x8000_8000, 0x8001_8000];
    const same = SEEDS.flatMap((seed) => {
      seedHashes(seed);
      return changes.filter((change) => hashOf([5, 9]) === hashOf([5 ^ 0x8000_0000, 9 ^ change]));
    });
    expect(same).toEqual([]);
  });
});

describe('a pool', () => {
  it('finds each of many definitions of one name again', () => {
    const pool = new TypePool();
    const leaf = pool.leaf(LEAF_STRUCT, 1, 0);
    const other = pool.leaf(LEAF_STRUCT, 2, 0);
    const nothing = new Int32Array(0);
    const defs = Array.from({ length: 100 }, (_, size) => pool.define(leaf, size, 0, nothing, 0, 0));
    const ofOther = Array.from({ length: 100 }, (_, size) => pool.define(other, size, 0, nothing, 0, 0));
    expect(new Set([...defs, ...ofOther]).size).toBe(200);
    defs.forEach((def, size) => {
      expect(pool.define(leaf, size, 0, nothing, 0, 0)).toBe(def);
    });
    expect(pool.defTotal).toBe(200);
  });
});

describe('a conversion', () => {
  it('gives the same bytes with every seed, names with several definitions included', () => {
    const units = Array.from({ length: 3 }, (_, u) =>
      unit([
        die('base_type', { name: 'int', byte_size: 4, encoding: 5 }, [], `int${u}`),
        ...Array.from({ length: 40 }, (_value, i) => [
          die(
            'structure_type',
            { name: form('strp', `s${i % 17}`), byte_size: 4 * (1 + ((u * i) % 23)) },
            [die('member', { name: 'a', type: ref(`p${u}_${(i * 7) % 40}`), data_member_location: 0 })],
            `s${u}_${i}`,
          ),
          die('pointer_type', { type: ref(`s${u}_${i}`) }, [], `p${u}_${i}`),
          die('array_type', { type: ref(`int${u}`) }, [
            die('subrange_type', { upper_bound: form('data4', i) }),
          ]),
        ]).flat(),
      ]),
    );
    const file = openElf(memorySource(writeDwarfElf({}, units)));
    const convert = (): Uint8Array => {
      const input = readConversionInput(file, 'pahole-1.30');
      const collections = [collectRange(input, 1, 3), collectRange(input, 0, 1)];
      return assembleBtf({ ...input, collections }).bytes;
    };
    const unseeded = convert();
    for (const seed of SEEDS.slice(0, 5)) {
      seedHashes(seed);
      expect(Buffer.compare(convert(), unseeded)).toBe(0);
    }
  });
});

describe('a comparison and a split', () => {
  /** Arrays whose lengths and enums whose values are what {@link flood} makes. */
  function hostile(extra: number): Btf {
    const builder = new BtfBuilder();
    const int = builder.addInt('int', 4, BTF_INT_SIGNED);
    for (const [first, second] of flood(300 + extra)) {
      builder.addArray(int, int, second >>> 0);
      builder.addEnum('', 4, [
        { name: 'A', value: first },
        { name: 'B', value: second >>> 0 },
      ]);
    }
    return decodeBtf(builder.build());
  }

  it('say the same with every seed', () => {
    for (const seed of SEEDS.slice(0, 5)) {
      seedHashes(seed);
      const [a, b] = [hostile(0), hostile(1)];
      const { onlyA, onlyB } = compareDeep(a, b).layers.types;
      expect([onlyA.length, onlyB.length]).toEqual([0, 2]);
      expect(splitBtf(b, indexBase(a)).sharedCount).toBe(a.typeCount - 1);
    }
  });
});
