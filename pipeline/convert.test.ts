import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { concatBytes } from '../test/builders/byte-writer.ts';
import { ATE, type Die, die, form, ref, type Unit, unit, writeDwarf } from '../test/builders/dwarf-writer.ts';
import { buildIdNote, type ElfSection, SHT, writeElf } from '../test/builders/elf-writer.ts';
import { convertBytes } from '../test/support/conversion.ts';
import { turnsDuring } from '../test/support/event-loop.ts';
import { tempDirForTest } from '../test/support/temp.ts';
import { type ConvertOptions, convertKernel } from './convert.ts';

const NATIVE = Uint8Array.of(0x9f, 0xeb, 1, 0, 24);

/** What differs from unit to unit: `leaf` has three definitions, `bus` is only declared in some. */
function unitNumber(i: number): Unit {
  const label = (name: string): string => `${name}${i}`;
  const type = ['int', 'char', 'long'][i % 3];
  const struct = (name: string, members: readonly Die[]): Die =>
    die('structure_type', { name: form('strp', name), byte_size: 8 }, members, label(name));
  const member = (name: string, to: string): Die =>
    die('member', { name: form('strp', name), type: ref(label(to)), data_member_location: 0 });
  const bus =
    i % 4 === 3
      ? die('structure_type', { name: form('strp', 'bus'), declaration: true }, [], label('bus'))
      : struct('bus', [member('x', 'leaf')]);
  return unit([
    die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], label('int')),
    die('base_type', { name: 'char', byte_size: 1, encoding: ATE.signed_char }, [], label('char')),
    die('base_type', { name: 'long', byte_size: 8, encoding: ATE.signed }, [], label('long')),
    struct('leaf', [member('value', type)]),
    bus,
    die('pointer_type', { type: ref(label('bus')) }, [], label('pointer')),
    struct(`user${i % 5}`, [member('bus', 'pointer')]),
    die('subprogram', { name: `f${i % 7}`, external: true }, [
      die('formal_parameter', { name: form('strp', `p${i}`), type: ref(label('pointer')) }),
    ]),
  ]);
}

/**
 * 24 units, each followed by copies of itself and of a unit without types, until there is work for three threads:
 * a unit's bytes may stand anywhere in .debug_info, because it refers to nothing outside itself.
 */
function largeElf(sections: readonly ElfSection[] = []): Uint8Array {
  const units = Array.from({ length: 24 }, (_, i) => unitNumber(i));
  const filler = unit([die('lexical_block', { location: form('block4', new Uint8Array(1 << 16)) })]);
  const written = writeDwarf({}, [...units, filler]);
  const info = written.sections['.debug_info'];
  const start = (i: number): number => written.labels.get(`unit:${i}`) ?? 0;
  const empty = info.subarray(start(24));
  const parts = units.flatMap((_, i) => {
    const own = info.subarray(start(i), start(i + 1));
    return [own, ...Array.from({ length: 10 }, () => empty), own];
  });
  const debug = { ...written.sections, '.debug_info': concatBytes(...parts) };
  return writeElf({
    sections: [
      { name: '.text' },
      ...Object.entries(debug).map(([name, data]) => ({ name, data })),
      { name: '.note.gnu.build-id', type: SHT.NOTE, data: buildIdNote(Uint8Array.of(0xab, 0xcd)) },
      ...sections,
    ],
    symbols: Array.from(
      { length: 7 },
      (_, i) => ({ name: `f${i}`, type: 'func', section: '.text' }) as const,
    ),
  });
}

async function convert(
  elf: Uint8Array,
  options: Partial<ConvertOptions> = {},
): ReturnType<typeof convertKernel> {
  const file = join(await tempDirForTest('convert'), 'vmlinux');
  await writeFile(file, elf);
  return convertKernel(file, {
    source: 'auto',
    profile: 'pahole-1.30',
    threads: 1,
    signal: AbortSignal.timeout(60_000),
    ...options,
  });
}

let large: Uint8Array;

beforeAll(() => {
  large = largeElf();
});

describe('convertKernel', () => {
  it('gives the same bytes with any number of threads, every time', async () => {
    const expected = convertBytes(large);
    for (const threads of [1, 2, 3, 3, 16]) {
      const { fromDwarf, stats, buildId } = await convert(large, { threads });
      expect(fromDwarf?.length).toBe(expected.length);
      expect(Buffer.compare(fromDwarf ?? new Uint8Array(0), expected)).toBe(0);
      expect(stats?.unitCount).toBe(24 * 12);
      expect(buildId).toBe('abcd');
    }
  });

  it('leaves the event loop free', async () => {
    expect(await turnsDuring(convert(large))).toBeGreaterThan(20);
  });

  it.each([1, 3])('reports progress up to the end, with %i threads', async (threads) => {
    const seen: [number, number | undefined][] = [];
    await convert(large, { threads, onProgress: (done, total) => seen.push([done, total]) });
    expect(seen.length).toBeGreaterThan(2);
    const [done, total] = seen.at(-1) ?? [];
    expect(done).toBe(total);
    expect(seen.map(([bytes]) => bytes)).toEqual(seen.map(([bytes]) => bytes).sort((a, b) => a - b));
  });

  it('gives native BTF beside, or alone', async () => {
    const elf = writeElf({
      sections: [
        { name: '.BTF', data: NATIVE },
        ...Object.entries(writeDwarf({}, [unitNumber(0)]).sections).map(([name, data]) => ({ name, data })),
      ],
    });
    const auto = await convert(elf);
    expect([...(auto.native ?? [])]).toEqual([...NATIVE]);
    expect(auto.fromDwarf).toBeDefined();
    const native = await convert(elf, { source: 'native' });
    expect([...(native.native ?? [])]).toEqual([...NATIVE]);
    expect(native.fromDwarf).toBeUndefined();
    const dwarf = await convert(elf, { source: 'dwarf' });
    expect(dwarf.native).toBeUndefined();
    expect(dwarf.fromDwarf).toBeDefined();
  });

  it.each([
    ['auto', 'dwarf-none'],
    ['dwarf', 'dwarf-none'],
    ['native', 'native-none'],
  ] as const)('says what is missing, source %s', async (source, code) => {
    await expect(convert(writeElf({}), { source })).rejects.toMatchObject({ code });
  });

  it('says where the input is malformed, whichever thread met it', async () => {
    // `int` of the last unit gets an abbreviation code that its table does not have.
    const damaged = Uint8Array.from(large);
    const last = Buffer.from(damaged.buffer).lastIndexOf('int\0\x04', undefined, 'latin1');
    damaged[last - 1] = 0x7f;
    for (const threads of [1, 3]) {
      await expect(convert(damaged, { threads })).rejects.toMatchObject({
        code: 'dwarf-malformed',
        message: expect.stringMatching(/^dwarf \.debug_info\+0x[0-9a-f]+: /u) as string,
      });
    }
  });

  it('stops when told so', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const running = convert(large, {
      threads: 2,
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    });
    await expect(running).rejects.toBe(reason);
    await expect(convert(large, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('says that a file is missing', async () => {
    const options = { source: 'auto', profile: 'pahole-1.24', threads: 1 } as const;
    const missing = convertKernel('/nowhere/vmlinux', { ...options, signal: AbortSignal.timeout(60_000) });
    await expect(missing).rejects.toMatchObject({ message: expect.stringMatching(/nowhere/u) as string });
  });
});
