/** The fuzzer's own parts: damage is repeatable, reaches what it aims at, and leaves an undamaged file as it was. */

import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { convertBytes } from '../support/conversion.ts';
import { expectSameBytes } from '../support/expect-btf.ts';
import { tempDirForTest } from '../support/temp.ts';
import { builtFiles } from './built-files.ts';
import { btfInput } from './btf-input.ts';
import { findDwarfSites } from './dwarf-sites.ts';
import { elfInput } from './elf-input.ts';
import { assemble, type FuzzInput } from './input.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function inputOf(name: string): FuzzInput {
  const file = builtFiles().find((one) => one.name === name);
  const input = file === undefined ? undefined : (elfInput(name, file.bytes) ?? btfInput(name, file.bytes));
  if (input === undefined) throw new Error(`no input ${name}`);
  return input;
}

describe('an input', () => {
  it.each(builtFiles().filter(({ name }) => name.endsWith('plain units')))(
    '$name is the same program after it was taken apart',
    ({ name, bytes }) => {
      const input = inputOf(name);
      expectSameBytes(convertBytes(assemble(input, [])), convertBytes(bytes));
    },
  );

  it('of BTF is the same bytes', () => {
    const name = 'built: BTF, all kinds';
    expect(assemble(inputOf(name), [])).toEqual(builtFiles().find((file) => file.name === name)?.bytes);
  });

  it('knows places of every kind', () => {
    const kinds = new Set(inputOf('built: DWARF 5, strp').sites.map(({ kind }) => kind));
    expect([...kinds].toSorted()).toEqual([
      'abbreviation',
      'attribute',
      'data',
      'flag',
      'form',
      'info',
      'number',
      'reference',
      'string',
      'tag',
      'uleb',
    ]);
  });

  it('whose units have their abbreviations in the same bytes is not read out to the end', () => {
    // A compile unit without attributes, again and again; each unit's table starts at another of these declarations.
    const abbrev = new Uint8Array(60_000).fill(0);
    for (let at = 0; at + 5 < abbrev.length; at += 5) abbrev.set([1, 0x11], at);
    const info = new Uint8Array(4000 * 12);
    const view = new DataView(info.buffer);
    for (let unit = 0; unit < 4000; unit++) {
      view.setUint32(unit * 12, 8, true);
      view.setUint16(unit * 12 + 4, 4, true);
      view.setUint32(unit * 12 + 6, unit * 5, true);
      view.setUint8(unit * 12 + 10, 8);
    }
    const parts = [
      { name: '.debug_info', bytes: info, isHeader: false },
      { name: '.debug_abbrev', bytes: abbrev, isHeader: false },
    ];
    const found = { sites: [], stretches: [], targets: [] };
    findDwarfSites(parts, true, found);
    // 4000 tables of 12 000 to 8 000 declarations each.
    expect(found.stretches.length).toBeLessThan(100_000);
  });

  it('grows and shrinks inside a section, and the headers follow', () => {
    const input = inputOf('built: DWARF 5, strp, plain units');
    const part = input.parts.findIndex(({ name }) => name === '.debug_info');
    // The second unit has no variables, so once more makes no difference.
    const units = input.stretches.filter(
      (stretch) => stretch.part === part && stretch.end - stretch.start > 400,
    );
    const { start, end } = units[1];
    const doubled = assemble(input, [
      { part, at: end, remove: 0, insert: input.parts[part].bytes.slice(start, end) },
    ]);
    expectSameBytes(convertBytes(doubled), convertBytes(assemble(input, [])));
  });
});

describe('damage', () => {
  it('is the same for the same seed and another for another', () => {
    const input = inputOf('built: DWARF 4, string');
    const damage = (seed: number) => mutate(input, input, new Random(seed, 5));
    expect(damage(1)).toEqual(damage(1));
    expect(damage(1)).not.toEqual(damage(2));
  });
});

describe('npm run fuzz', () => {
  const run = (args: readonly string[]) =>
    execa(process.execPath, ['--import', 'tsx', 'test/fuzz/fuzz.ts', ...args], {
      cwd: ROOT,
      reject: false,
      stdin: 'ignore',
      // Without compilers it starts from the builders' files alone, which is quick.
      env: { PATH: '/nonexistent' },
    });

  it('reports what it reached', async () => {
    const folder = await tempDirForTest('fuzz');
    const { exitCode, stdout } = await run([
      '--inputs',
      '300',
      '--seed',
      '3',
      '--json',
      '--findings',
      folder,
    ]);
    expect(await readdir(folder)).toEqual([]);
    const result = JSON.parse(stdout) as { inputs: number; stages: Record<string, number> };
    expect(result).toMatchObject({ v: 1, seed: 3, inputs: 300, findings: [] });
    expect(result.stages['elf valid']).toBeGreaterThan(5);
    expect(result.stages['btf compared']).toBeGreaterThan(5);
    expect(exitCode).toBe(0);
  });

  it('examines one file again', async () => {
    const folder = await tempDirForTest('fuzz');
    const path = join(folder, 'x.bin');
    await writeFile(path, builtFiles()[0].bytes);
    const { exitCode, stdout } = await run(['--replay', path]);
    expect(stdout).toContain('ms, peak RSS');
    expect(exitCode).toBe(0);
  });

  it('refuses flags that make no sense', async () => {
    expect((await run(['--seconds', 'x'])).exitCode).toBe(2);
    expect((await run(['--sekonds', '1'])).exitCode).toBe(2);
  });
});
