import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BtfBuilder, decodeBtf, validateBtf } from '../btf/index.ts';
import { DEFAULT_PROFILE } from '../dwarf/index.ts';
import { ATE, die, ref, unit, writeDwarfElf } from '../test/builders/dwarf-writer.ts';
import { buildIdNote, SHT, writeElf } from '../test/builders/elf-writer.ts';
import { runBtfmill } from '../test/support/run-btfmill.ts';
import { makeTempDir, removeDir } from '../test/support/temp.ts';

const DIES = [
  die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int'),
  die('structure_type', { name: 'page', byte_size: 4 }, [
    die('member', { name: 'flags', type: ref('int'), data_member_location: 0 }),
  ]),
];

describe('btfmill convert', () => {
  let folder: string;
  const run = (args: readonly string[], shell?: string) =>
    runBtfmill(['convert', ...args], { cwd: folder, ...(shell === undefined ? {} : { shell }) });

  beforeAll(async () => {
    folder = await makeTempDir('convert-verb');
    const note = { name: '.note.gnu.build-id', type: SHT.NOTE, data: buildIdNote(Uint8Array.of(1, 2, 3, 4)) };
    writeFileSync(join(folder, 'elf'), writeDwarfElf({}, [unit(DIES)], { sections: [note] }));
    writeFileSync(join(folder, 'bare'), writeElf({}));
  });

  afterAll(() => removeDir(folder));

  it('from a file and from stdin, to a file and to stdout: the same bytes', async () => {
    expect((await run(['elf', '-o', 'a.btf'])).exitCode).toBe(0);
    expect((await run(['-', '-o', 'b.btf'], '"$@" < elf')).exitCode).toBe(0);
    expect((await run(['-', '-q', '-o', '-'], 'cat elf | "$@" > c.btf')).exitCode).toBe(0);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => readFileSync(join(folder, `${name}.btf`)));
    expect(validateBtf(decodeBtf(a))).toEqual([]);
    expect(decodeBtf(a).typeCount).toBe(3);
    expect(b.equals(a)).toBe(true);
    expect(c.equals(a)).toBe(true);
  });

  it('reports as JSON: types, phases, memory, how it was made', async () => {
    const { stdout, exitCode } = await run(['elf', '-o', 'j.btf', '--json', '--threads', '2']);
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout) as Record<string, number>;
    expect(report).toMatchObject({
      v: 1,
      profile: DEFAULT_PROFILE,
      threads: 2,
      buildId: '01020304',
      typesByKind: { INT: 1, STRUCT: 1 },
      typeCount: 2,
      unitCount: 1,
      btfBytes: readFileSync(join(folder, 'j.btf')).length,
      milliseconds: { read: expect.any(Number), collect: expect.any(Number), assemble: expect.any(Number) },
    });
    expect(report.peakRssBytes).toBeGreaterThan(20e6);
    expect(report.peakRssBytes).toBeLessThan(1e9);
  });

  it.each([
    ['-q -o - bare', 'dwarf-none', 3],
    ['-o - --json elf', 'usage', 2],
    ['-o x.btf nosuch', 'usage', 2],
  ])('%s ends with %s', async (args, code, exitCode) => {
    const result = await run(args.split(' '));
    expect(result).toMatchObject({ exitCode, stdout: '' });
    expect(result.stderr).toMatch(new RegExp(`^btfmill: ${code}: `, 'u'));
    expect(existsSync(join(folder, 'x.btf'))).toBe(false);
  });

  it.each([
    ['bare', 'dwarf-none: stdin has no DWARF', 3],
    ['/dev/null', 'usage: stdin is empty', 2],
  ])('stdin from %s: %s', async (file, message, exitCode) => {
    const result = await run(['-', '-o', 'x.btf'], `"$@" < ${file}`);
    expect(result).toMatchObject({ exitCode, stderr: `btfmill: ${message}` });
  });

  it('writes split BTF beside a base', async () => {
    const base = new BtfBuilder();
    base.addInt('int', 4, 1);
    writeFileSync(join(folder, 'base.btf'), base.build());
    const { exitCode } = await run(['elf', '--base', 'base.btf', '-o', 'split.btf']);
    expect(exitCode).toBe(0);
    const split = decodeBtf(readFileSync(join(folder, 'split.btf')), decodeBtf(base.build()));
    expect(split.typeCount - split.firstId).toBe(1);
    const shown = await runBtfmill(['btf', 'split.btf', '--base', 'base.btf', 'page'], { cwd: folder });
    expect(shown.stdout).toContain('int flags;');
    const without = await runBtfmill(['btf', 'split.btf'], { cwd: folder });
    expect(without).toMatchObject({ exitCode: 2 });
    expect(without.stderr).toContain('--base');
  });
});
