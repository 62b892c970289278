import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BtfBuilder } from '../btf/index.ts';
import { ATE, die, form, ref, unit, writeDwarfElf } from '../test/builders/dwarf-writer.ts';
import { jsonLines, runBtfmill } from '../test/support/run-btfmill.ts';
import { makeTempDir, removeDir } from '../test/support/temp.ts';

function sample(more: boolean): Uint8Array {
  const b = new BtfBuilder();
  const int = b.addInt('int', 4, 1);
  b.addStruct('page', more ? 8 : 4, [
    { name: 'flags', type: int, bitOffset: 0 },
    ...(more ? [{ name: 'count', type: int, bitOffset: 32 }] : []),
  ]);
  b.addFunc(more ? 'second' : 'first', b.addFuncProto(int, []));
  return b.build();
}

/** The struct of the first sample as DWARF. */
const DWARF = [
  die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int'),
  die('structure_type', { name: 'page', byte_size: 4 }, [
    die('member', { name: 'flags', type: ref('int'), data_member_location: 0 }),
  ]),
  die('subprogram', {
    name: 'first',
    external: true,
    prototyped: true,
    type: ref('int'),
    low_pc: form('addr', 0x1000),
  }),
];

describe('btfmill diff', () => {
  let folder: string;
  const run = (...args: string[]) => runBtfmill(['diff', ...args], { cwd: folder });

  beforeAll(async () => {
    folder = await makeTempDir('diff-verb');
    writeFileSync(join(folder, 'a.btf'), sample(false));
    writeFileSync(join(folder, 'b.btf'), sample(true));
    const elf = writeDwarfElf({}, [unit(DWARF)], {
      sections: [{ name: '.text', flags: 6, address: 0x1000, data: new Uint8Array(16) }],
      symbols: [{ name: 'first', type: 'func', section: '.text', value: 0x1000, size: 16 }],
    });
    writeFileSync(join(folder, 'elf'), elf);
  });

  afterAll(() => removeDir(folder));

  it('says in words what differs', async () => {
    const { exitCode, stdout } = await run('a.btf', 'b.btf');
    expect(exitCode).toBe(0);
    expect(stdout).toBe(
      [
        'types: 1 changed, 0 only in the first, 0 only in the second',
        'functions: 0 changed, 1 only in the first, 1 only in the second',
        '',
        'types, changed (1)',
        '  struct page',
        '    ~ size 4 → 8',
        '    + count: int at byte 4',
        '',
        'functions, only in the first (1)',
        '  - int first(void);',
        '',
        'functions, only in the second (1)',
        '  + int second(void);',
      ].join('\n'),
    );
  });

  it('converts what has DWARF', async () => {
    const { exitCode, stdout } = await run('a.btf', 'elf', '--exit-code');
    expect(stdout).toMatch(/^no difference: the same (types, differently laid out|bytes) \(4 types\)$/u);
    expect(exitCode).toBe(0);
  });

  it('--from chooses among what ELF files have; what is BTF is read as that', async () => {
    for (const [a, b] of [
      ['a.btf', 'elf'],
      ['elf', 'a.btf'],
    ]) {
      const { exitCode, stdout } = await run(a, b, '--from', 'dwarf', '--exit-code');
      expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^no diff/u) });
    }
    expect(await run('a.btf', 'elf', '--from', 'btf')).toMatchObject({
      exitCode: 3,
      stderr: 'btfmill: native-none: elf: has no .BTF section',
    });
  });

  it('tells by the exit code, when asked', async () => {
    expect((await run('a.btf', 'b.btf', '--exit-code')).exitCode).toBe(8);
    expect(await run('a.btf', 'a.btf', '--exit-code')).toMatchObject({
      exitCode: 0,
      stdout: 'no difference: the same bytes (4 types)',
    });
  });

  it('as JSON Lines', async () => {
    const lines = jsonLines((await run('a.btf', 'b.btf', '--json')).stdout);
    expect(lines.map(({ event, name }) => name ?? event)).toEqual([
      'page',
      'first',
      'second',
      'diff.finished',
    ]);
    expect(lines.at(-1)).toEqual({
      v: 1,
      event: 'diff.finished',
      equal: false,
      differences: 3,
      typeCounts: [4, 4],
    });
  });

  it('lists no more than asked for, and takes one side from stdin', async () => {
    const { stdout } = await runBtfmill(['diff', '-', 'b.btf', '--limit', '1'], {
      cwd: folder,
      shell: '"$@" < a.btf',
    });
    expect(stdout).toContain('functions, only in the first (1)');
    expect(await run('-', '-')).toMatchObject({ exitCode: 2, stdout: '' });
  });
});
