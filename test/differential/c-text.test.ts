/** Types as C, judged by a C compiler: beside what bpftool prints, and against the offsets that the BTF gives. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Btf, BTF_KIND, cDeclaration, cDefinition, decodeBtf } from '../../btf/index.ts';
import { convertDwarf } from '../../dwarf/index.ts';
import { memorySource, openElf } from '../../elf/index.ts';
import { buildProgram, PROGRAM_NAMES, TOOLCHAINS } from '../support/programs.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';

const K = BTF_KIND;

describe.skipIf(needsTool('gcc', 'bpftool'))('types as C', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await makeTempDir('c-text');
  });

  afterAll(() => removeDir(folder));

  it.each(PROGRAM_NAMES)('of %s compile, with the offsets and types of the BTF', async (program) => {
    const elf = await buildProgram({
      program,
      toolchain: TOOLCHAINS['gcc x86_64'],
      output: join(folder, program),
    });
    const { bytes } = convertDwarf(openElf(memorySource(await readFile(elf))), 'pahole-1.24');
    const file = join(folder, `${program}.btf`);
    await writeFile(file, bytes);
    const { stdout: header } = await execa('bpftool', ['btf', 'dump', 'file', file, 'format', 'c']);
    await writeFile(join(folder, `${program}.h`), header);

    const btf = decodeBtf(bytes);
    const checks = definitionsToCheck(btf).flatMap((id) => checksOf(btf, id));
    expect(checks.length).toBeGreaterThan(10);
    const source = join(folder, `${program}.c`);
    const text = [
      '#include <complex.h>',
      '#include <stddef.h>',
      `#include "${program}.h"`,
      ...checks,
      '',
    ].join('\n');
    await writeFile(source, text);
    const flags = ['-std=gnu11', '-w', '-fsyntax-only'];
    const { exitCode, stderr } = await execa('gcc', [...flags, source], { reject: false });
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });
});

/** Named types that stand once: bpftool gives others suffixes. */
function definitionsToCheck(btf: Btf): number[] {
  const count = new Map<string, number>();
  const ids: number[] = [];
  for (let id = 1; id < btf.typeCount; id++) {
    const name = btf.name(id);
    if (name !== '' && btf.kind(id) !== K.FUNC) count.set(name, (count.get(name) ?? 0) + 1);
  }
  for (let id = 1; id < btf.typeCount; id++) if (count.get(btf.name(id)) === 1) ids.push(id);
  return ids;
}

/** Our text under another name, or once more under its own, and what must be true of it. */
function checksOf(btf: Btf, id: number): string[] {
  const name = btf.name(id);
  const kind = btf.kind(id);
  switch (kind) {
    case K.STRUCT:
    case K.UNION: {
      const lines = cDefinition(btf, id);
      const word = kind === K.STRUCT ? 'struct' : 'union';
      lines[0] = `${word} our_${name} {`;
      // What an attribute or a linker script aligned, C cannot be told without saying how.
      if (lines.some((line) => /hole|padding/u.test(line))) return lines;
      const asserts = [`_Static_assert(sizeof(${word} our_${name}) == ${btf.sizeOrType(id)}, "${name}");`];
      for (let i = 0; i < btf.vlen(id); i++) {
        const member = btf.entryName(id, i);
        if (member === '' || btf.memberBitSize(id, i) > 0) continue;
        const offset = btf.memberBitOffset(id, i) / 8;
        asserts.push(
          `_Static_assert(offsetof(${word} our_${name}, ${member}) == ${offset}, "${name}.${member}");`,
          `_Static_assert(__builtin_types_compatible_p(__typeof__(((${word} ${name} *)0)->${member}), ${cDeclaration(btf, btf.entryType(id, i))}) || ${isAnonymous(btf, btf.entryType(id, i))}, "${name}.${member}");`,
        );
      }
      return [...lines, ...asserts];
    }
    case K.ENUM:
    case K.ENUM64: {
      if (btf.vlen(id) === 0) return cDefinition(btf, id);
      const lines = cDefinition(btf, id).map((line) => line.replace(/^ +(\w+) = /u, `our_${name}_$1 = `));
      lines[0] = `enum our_${name} {`;
      return [...lines, `_Static_assert(sizeof(enum our_${name}) == ${btf.sizeOrType(id)}, "${name}");`];
    }
    case K.TYPEDEF:
      // The same typedef twice is fine in C11, another one is not; an anonymous struct is a new type each time.
      return isAnonymous(btf, btf.sizeOrType(id)) ? [] : cDefinition(btf, id);
    case K.VAR:
      // A static in a function has a dot in its symbol's name.
      return name.includes('.') || isAnonymous(btf, btf.sizeOrType(id))
        ? []
        : [`extern ${cDefinition(btf, id).join('\n')}`];
    default:
      return [];
  }
}

/** Whether an anonymous type is spelled out in a reference to this one. */
function isAnonymous(btf: Btf, id: number): 0 | 1 {
  return cDeclaration(btf, id).includes('{') ? 1 : 0;
}
