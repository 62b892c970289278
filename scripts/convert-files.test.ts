import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { decodeBtf, isSplitBtf } from '../btf/index.ts';
import { convertFiles } from '../pipeline/convert.ts';
import { ATE, die, ref, unit, writeDwarfElf } from '../test/builders/dwarf-writer.ts';
import { convertBytes, typeLines } from '../test/support/conversion.ts';
import { runBtfmill } from '../test/support/run-btfmill.ts';
import { tempDirForTest } from '../test/support/temp.ts';

function elfWith(...structs: readonly string[]): Uint8Array {
  const member = die('member', { name: 'x', type: ref('int'), data_member_location: 0 });
  return writeDwarfElf({}, [
    unit([
      die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int'),
      ...structs.map((name) => die('structure_type', { name, byte_size: 4 }, [member])),
    ]),
  ]);
}

const KERNEL = elfWith('shared');

let folder: string;

beforeEach(async () => {
  folder = await tempDirForTest('convert-files');
  writeFileSync(join(folder, 'vmlinux'), KERNEL);
  for (const name of ['one', 'two']) writeFileSync(join(folder, `${name}.ko`), elfWith('shared', name));
  writeFileSync(join(folder, 'bad.ko'), 'no ELF');
  mkdirSync(join(folder, 'out'));
});

describe('convert of several files', () => {
  it('writes each into the folder, with one base for all', async () => {
    const args = [
      'convert',
      'one.ko',
      'two.ko',
      '--base',
      'vmlinux',
      '-o',
      'out',
      '--json',
      '--threads',
      '2',
    ];
    const { exitCode, stdout, stderr } = await runBtfmill(args, { cwd: folder });
    expect(stderr).toMatch(/^2 files, [\d.]+ m?s$/u);
    expect(exitCode).toBe(0);
    const reports = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { file: string })
      .sort((a, b) => (a.file < b.file ? -1 : 1));
    expect(reports).toMatchObject([
      { v: 1, file: 'one.ko', typeCount: 1, base: { path: 'vmlinux', source: 'dwarf', sharedCount: 2 } },
      { v: 1, file: 'two.ko', typeCount: 1, base: { path: 'vmlinux', source: 'dwarf', sharedCount: 2 } },
    ]);
    const base = decodeBtf(convertBytes(KERNEL));
    for (const name of ['one', 'two']) {
      const bytes = readFileSync(join(folder, 'out', `${name}.btf`));
      expect(isSplitBtf(bytes)).toBe(true);
      expect(typeLines(decodeBtf(bytes, base))).toEqual([
        `STRUCT ${name}: struct of 4 bytes; x: at bit 0, int`,
      ]);
    }
  });

  it('leaves out what cannot be converted, and says so', async () => {
    const { exitCode, stderr } = await runBtfmill(['convert', 'bad.ko', 'two.ko', '-o', 'out'], {
      cwd: folder,
    });
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/^btfmill: elf-malformed: bad\.ko: elf\+0x0: not an ELF file/u);
    expect(stderr).toContain('2 files, 1 failed');
    expect(readdirSync(join(folder, 'out'))).toEqual(['two.btf']);
    expect(readFileSync(join(folder, 'out/two.btf'))).toEqual(
      Buffer.from(convertBytes(elfWith('shared', 'two'))),
    );
  });

  it.each([
    [['one.ko', 'two.ko', '-o', 'two.ko'], 'two.ko: is not a folder'],
    [['one.ko', 'two.ko', '-o', '-'], '-: no such folder'],
    [['one.ko', 'nosuch.ko', '-o', 'out'], 'nosuch.ko: no such file'],
    [['one.ko', './one.ko', '-o', 'out'], 'one.ko and ./one.ko would both become one.btf'],
    [['one.ko', 'two.ko', '--base', 'nosuch', '-o', 'out'], 'nosuch: no such file'],
    [['one.ko', 'two.ko', '--alt', 'vmlinux', '-o', 'out'], '--alt belongs to one file'],
  ])('%j is refused', async (args, message) => {
    const { exitCode, stderr } = await runBtfmill(['convert', ...args], { cwd: folder });
    expect(stderr).toContain(`btfmill: usage: ${message}`);
    expect(exitCode).toBe(2);
    expect(readdirSync(join(folder, 'out'))).toEqual([]);
  });

  it('never overwrites an input', async () => {
    writeFileSync(join(folder, 'out/vmlinux.btf'), convertBytes(KERNEL));
    const args = ['convert', 'one.ko', 'vmlinux', '--base', 'out/vmlinux.btf', '-o', 'out'];
    const { exitCode, stderr } = await runBtfmill(args, { cwd: folder });
    expect(stderr).toBe('btfmill: usage: out/vmlinux.btf is an input itself');
    expect(exitCode).toBe(2);
    expect(readFileSync(join(folder, 'out/vmlinux.btf'))).toEqual(Buffer.from(convertBytes(KERNEL)));
    expect(readdirSync(join(folder, 'out'))).toEqual(['vmlinux.btf']);
  });

  it('ends when a result cannot be written', async () => {
    mkdirSync(join(folder, 'out/one.btf'));
    const { exitCode, stderr } = await runBtfmill(['convert', 'one.ko', 'two.ko', '-o', 'out'], {
      cwd: folder,
    });
    expect(stderr).toContain('out/one.btf');
    expect(exitCode).toBe(2);
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    const files = Array.from({ length: 1000 }, (_, i) => join(folder, i % 2 === 0 ? 'one.ko' : 'two.ko'));
    let seen = 0;
    const run = convertFiles(
      files,
      { source: 'dwarf', profile: 'pahole-1.24', threads: 2, signal: controller.signal },
      () => {
        seen++;
        controller.abort();
      },
    );
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen).toBeLessThan(files.length);
  });
});
