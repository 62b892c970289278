import { existsSync, linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
    writeFileSync(join(folder, 'text'), 'no ELF file');
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
    ['/dev/null', 'elf-malformed: stdin is empty', 3],
    ['text', 'elf-malformed: stdin: elf+0x0: not an ELF file (no \\x7fELF at the start)', 3],
  ])('stdin from %s: %s', async (file, message, exitCode) => {
    const result = await run(['-', '-o', 'x.btf'], `"$@" < ${file}`);
    expect(result).toMatchObject({ exitCode, stderr: `btfmill: ${message}` });
  });

  it.each([
    ['-o base.btf elf --base base.btf', 'base.btf'],
    ['-o same-alt elf --alt alt', 'alt'],
    ['-o elf elf', 'elf'],
  ])('never overwrites an input: %s', async (args, input) => {
    const base = new BtfBuilder();
    base.addInt('int', 4, 1);
    writeFileSync(join(folder, 'base.btf'), base.build());
    writeFileSync(join(folder, 'alt'), writeElf({}));
    if (!existsSync(join(folder, 'same-alt'))) linkSync(join(folder, 'alt'), join(folder, 'same-alt'));
    const before = readFileSync(join(folder, input));
    const result = await run(args.split(' '));
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toMatch(/^btfmill: usage: \S+ is an input itself/u);
    expect(readFileSync(join(folder, input)).equals(before)).toBe(true);
  });

  it('does not overwrite the supplementary file that the input names', async () => {
    const id = Uint8Array.of(5, 6, 7, 8);
    const link = { name: '.gnu_debugaltlink', data: Buffer.concat([Buffer.from('common\0'), id]) };
    const note = { name: '.note.gnu.build-id', type: SHT.NOTE, data: buildIdNote(id) };
    const common = writeDwarfElf({}, [unit([])], { sections: [note] });
    writeFileSync(join(folder, 'common'), common);
    writeFileSync(join(folder, 'dwz'), writeDwarfElf({}, [unit(DIES)], { sections: [link] }));
    expect((await run(['dwz', '-o', 'dwz.btf'])).exitCode).toBe(0);
    for (const args of [
      ['dwz', '-o', 'common'],
      ['dwz', 'bare', 'elf', '-o', 'folder'],
    ]) {
      mkdirSync(join(folder, 'folder'), { recursive: true });
      if (!existsSync(join(folder, 'folder/dwz.btf')))
        linkSync(join(folder, 'common'), join(folder, 'folder/dwz.btf'));
      const result = await run(args);
      expect(result).toMatchObject({ exitCode: 2, stdout: '' });
      expect(result.stderr).toContain('is an input itself');
      expect(readFileSync(join(folder, 'common')).equals(common)).toBe(true);
      expect(readFileSync(join(folder, 'folder/dwz.btf')).equals(common)).toBe(true);
    }
  });

  it('does not overwrite what stdin comes from', async () => {
    const before = readFileSync(join(folder, 'elf'));
    expect(await run(['-', '-o', 'elf'], '"$@" < elf')).toMatchObject({ exitCode: 2 });
    expect(readFileSync(join(folder, 'elf')).equals(before)).toBe(true);
  });

  it('takes a pipe for a file, and no pipe for a base', async () => {
    expect((await run(['elf', '-o', 'plain.btf'])).exitCode).toBe(0);
    const shell = 'mkfifo fifo; cat elf > fifo & "$@"; wait';
    expect((await run(['fifo', '-o', 'piped.btf'], shell)).exitCode).toBe(0);
    expect(readFileSync(join(folder, 'piped.btf')).equals(readFileSync(join(folder, 'plain.btf')))).toBe(
      true,
    );
    expect(await run(['elf', '--base', 'fifo', '-o', 'x.btf'])).toMatchObject({
      exitCode: 2,
      stderr: 'btfmill: usage: fifo: is a pipe, and has to be a file here',
    });
    expect((await run(['/dev/zero', '-o', 'x.btf'])).stderr).toContain('is neither a file nor a pipe');
  });

  it('claims nothing when the result is not taken', async () => {
    const { stderr } = await run(['elf', '-o', '-'], '"$@" > /dev/full; echo "exit code $?" >&2');
    expect(stderr).toMatch(/^btfmill: disk-full: stdout: [^\n]*\nexit code 3$/u);
  });

  it('names the file in errors', async () => {
    expect(await run(['text', '-o', 'x.btf'])).toMatchObject({
      exitCode: 3,
      stderr: 'btfmill: elf-malformed: text: elf+0x0: not an ELF file (no \\x7fELF at the start)',
    });
    writeFileSync(join(folder, 'elf-text'), 'no ELF file');
    expect((await run(['elf-text', '-o', 'x.btf'])).stderr).toContain('elf-malformed: elf-text: elf+0x0');
    expect(await run(['elf', '--base', 'text', '-o', 'x.btf'])).toMatchObject({
      exitCode: 3,
      stderr: 'btfmill: elf-malformed: base text: is neither BTF nor an ELF file',
    });
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
