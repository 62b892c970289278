import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BtfBuilder } from '../btf/index.ts';
import { ATE, die, ref, unit, writeDwarfElf } from '../test/builders/dwarf-writer.ts';
import { jsonLines, runBtfmill } from '../test/support/run-btfmill.ts';
import { makeTempDir, removeDir } from '../test/support/temp.ts';

/** Two definitions of one name, and a name that would move the cursor. */
function sample(): Uint8Array {
  const b = new BtfBuilder();
  const int = b.addInt('int', 4, 1);
  b.addStruct('page', 4, [{ name: 'flags', type: int, bitOffset: 0 }]);
  b.addTypedef('page', int);
  b.addStruct('\u001B[2Jpage', 0, []);
  return b.build();
}

describe('btfmill btf', () => {
  let folder: string;
  const run = (...args: string[]) => runBtfmill(['btf', ...args], { cwd: folder });

  beforeAll(async () => {
    folder = await makeTempDir('btf-verb');
    writeFileSync(join(folder, 'a.btf'), sample());
    const dies = [
      die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int'),
      die('typedef', { name: 'from_dwarf', type: ref('int') }),
    ];
    const section = { name: '.BTF', data: sample() };
    writeFileSync(join(folder, 'both'), writeDwarfElf({}, [unit(dies)], { sections: [section] }));
    const double = die('base_type', { name: 'double', byte_size: 8, encoding: ATE.float });
    writeFileSync(join(folder, 'dwarf'), writeDwarfElf({}, [unit([...dies, double])]));
    writeFileSync(join(folder, 'text'), 'neither');
    const base = new BtfBuilder();
    base.addInt('int', 4, 1);
    writeFileSync(join(folder, 'base.btf'), base.build());
  });

  afterAll(() => removeDir(folder));

  it('summarizes', async () => {
    const { exitCode, stdout } = await run('a.btf');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('4 types, 25 B of strings');
    expect(stdout).toContain(
      'INVALID, a kernel would refuse it:\n  [4] STRUCT \uFFFD[2Jpage: has a name that is no identifier',
    );
    expect(stdout).toMatch(/^STRUCT {3,}2$/mu);
    expect(stdout).not.toContain('\u001B');
  });

  it('shows everything of a name', async () => {
    const { stdout } = await run('a.btf', 'page');
    expect(stdout).toBe(
      'struct page {\n    int flags; /*     0        4 */\n\n    /* size: 4, members: 1 */\n};\n\ntypedef int page;',
    );
    expect((await run('a.btf', 'typedef page')).stdout).toBe('typedef int page;');
  });

  it('shows the other names when one is not there', async () => {
    expect(await run('a.btf', 'typedef page', 'paeg', 'nowhere_near', 'int')).toEqual(
      expect.objectContaining({
        exitCode: 2,
        stdout: 'typedef int page;\n/* int: signed integer, 4 bytes */',
        stderr: 'btfmill: usage: no type is called paeg (Did you mean page?); no type is called nowhere_near',
      }),
    );
  });

  it('converts DWARF by the rules of the profile that is named', async () => {
    const kind = async (...args: string[]) =>
      jsonLines((await run('dwarf', 'double', '--json', ...args)).stdout);
    expect(await kind()).toMatchObject([{ kind: 'FLOAT' }]);
    expect(await kind('--profile', 'pahole-1.24')).toMatchObject([{ kind: 'INT' }]);
  });

  it('as JSON', async () => {
    const { stdout } = await run('a.btf', 'page', '--json');
    expect(jsonLines(stdout)).toMatchObject([
      { v: 1, id: 2, kind: 'STRUCT', name: 'page' },
      { v: 1, id: 3, kind: 'TYPEDEF', text: 'typedef int page;' },
    ]);
    const [overview] = jsonLines((await run('a.btf', '--json')).stdout);
    expect(overview).toMatchObject({ v: 1, file: 'a.btf', typeCount: 4, problems: [expect.any(String)] });
  });

  it('reads what there is of an ELF file, or what is asked for', async () => {
    expect((await run('both', 'page')).exitCode).toBe(0);
    expect((await run('both', 'from_dwarf')).exitCode).toBe(2);
    expect((await run('both', '--from', 'dwarf', 'from_dwarf')).stdout).toBe('typedef int from_dwarf;');
    expect((await run('dwarf', 'from_dwarf')).stdout).toBe('typedef int from_dwarf;');
    expect(await run('dwarf', '--from', 'btf')).toMatchObject({
      exitCode: 3,
      stderr: 'btfmill: native-none: dwarf: has no .BTF section',
    });
  });

  it('takes - for stdin', async () => {
    const { stdout } = await runBtfmill(['btf', '-', 'typedef page'], { cwd: folder, shell: '"$@" < a.btf' });
    expect(stdout).toBe('typedef int page;');
    const empty = await runBtfmill(['btf', '-'], { cwd: folder, shell: '"$@" < /dev/null' });
    expect(empty).toMatchObject({ exitCode: 3, stderr: 'btfmill: elf-malformed: stdin is empty' });
  });

  it.each([
    [['text'], 'elf-malformed: text: is neither BTF nor an ELF file', 3],
    [['nosuch'], 'usage: nosuch: no such file', 2],
    [['a.btf', 'paeg'], 'usage: no type is called paeg (Did you mean page?)', 2],
    [['a.btf', '--from', 'dwarf'], 'usage: a.btf: is BTF and has no DWARF', 2],
  ])('%j ends with %s', async (args, message, exitCode) => {
    expect(await run(...args)).toEqual(
      expect.objectContaining({ exitCode, stdout: '', stderr: `btfmill: ${message}` }),
    );
  });

  it('damaged BTF is told where', async () => {
    writeFileSync(join(folder, 'cut.btf'), readFileSync(join(folder, 'a.btf')).subarray(0, 40));
    const { exitCode, stderr } = await run('cut.btf');
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/^btfmill: btf-malformed: cut\.btf: btf header\+0x/u);
  });
});
