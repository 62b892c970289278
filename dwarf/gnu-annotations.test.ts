/** gcc's annotations: DW_TAG_GNU_annotation, chained and shared by the DIEs whose DW_AT_GNU_annotation names them. */

import { describe, expect, it } from 'vitest';
import { ANNOTATED_ELF, annotatedUnits } from '../test/fixtures/annotations.ts';
import {
  ATE,
  type Die,
  die,
  form,
  type FormValue,
  ref,
  unit,
  writeDwarf,
} from '../test/builders/dwarf-writer.ts';
import { convertedLines, convertUnits, formatErrorOf } from '../test/support/conversion.ts';
import { MAX_ANNOTATIONS } from './die-attributes.ts';
import type { ProfileName } from './profile.ts';

const INT = die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int');
const PROFILE: ProfileName = 'pahole-1.32';

function text(value: string): FormValue {
  return form('strp', value);
}

function tag(value: string, next?: string, name = 'btf_type_tag'): Die {
  const chain = next === undefined ? {} : { GNU_annotation: ref(next) };
  return die('GNU_annotation', { name: text(name), const_value: text(value), ...chain }, [], value);
}

function pointer(chain: string, type = 'int', label = 'pointer'): Die {
  return die('pointer_type', { byte_size: 8, type: ref(type), GNU_annotation: ref(chain) }, [], label);
}

function linesOf(dies: readonly Die[], profile = PROFILE): string[] {
  return convertedLines([unit(dies)], {}, {}, profile);
}

function kinds(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/ .*/u, ''));
}

describe('a chain', () => {
  it('of type tags starts next to the pointer, whatever the pointer comes before', () => {
    const annotations = [tag('a'), tag('b', 'a'), tag('c', 'b')];
    expect(linesOf([INT, pointer('c'), ...annotations])).toEqual([
      'INT int: int of 4 bytes, 32 bits, signed',
      'TYPE_TAG c: tag(c) tag(b) tag(a) int',
      'TYPE_TAG b: tag(b) tag(a) int',
      'TYPE_TAG a: tag(a) int',
      'PTR: *tag(c) tag(b) tag(a) int',
    ]);
    expect(linesOf([...annotations, pointer('c'), INT]).slice(0, 4)).toEqual([
      'TYPE_TAG c: tag(c) tag(b) tag(a) int',
      'TYPE_TAG b: tag(b) tag(a) int',
      'TYPE_TAG a: tag(a) int',
      'PTR: *tag(c) tag(b) tag(a) int',
    ]);
  });

  it('is shared: what its tags are on depends on the pointer', () => {
    const char = die('base_type', { name: 'char', byte_size: 1, encoding: ATE.signed_char }, [], 'char');
    const shared = [
      tag('a'),
      tag('b', 'a'),
      pointer('b'),
      pointer('b', 'char', 'second'),
      pointer('a', 'char', 'x'),
    ];
    const tags = linesOf([...shared, INT, char]).filter((line) => line.startsWith('TYPE_TAG'));
    expect(tags).toEqual([
      'TYPE_TAG b: tag(b) tag(a) int',
      'TYPE_TAG a: tag(a) int',
      'TYPE_TAG b: tag(b) tag(a) char',
      'TYPE_TAG a: tag(a) char',
    ]);
  });

  it('counts for a pointer when no child is a type tag', () => {
    const child = (name: string): Die =>
      die('LLVM_annotation', { name: text(name), const_value: text('child') });
    const withChild = (name: string): Die =>
      die('pointer_type', { byte_size: 8, type: ref('int'), GNU_annotation: ref('a') }, [child(name)]);
    expect(linesOf([INT, tag('a'), withChild('btf_type_tag')])).toContain('PTR: *tag(child) int');
    expect(linesOf([INT, tag('a'), withChild('btf_decl_tag')])).toContain('PTR: *tag(a) int');
  });

  it('of type tags ends at another annotation, one of declaration tags at another DIE', () => {
    expect(linesOf([INT, tag('a'), tag('b', 'a', 'unknown'), tag('c', 'b'), pointer('c')])).toContain(
      'PTR: *tag(c) int',
    );
    expect(kinds(linesOf([INT, tag('b', 'int'), pointer('b'), pointer('int')]))).toEqual([
      'INT',
      'TYPE_TAG',
      'PTR:',
      'PTR:',
    ]);
  });

  it('may lead into another unit', () => {
    const units = [
      unit([INT, die('pointer_type', { type: ref('int'), GNU_annotation: form('ref_addr', ref('far')) })]),
      unit([tag('near'), tag('far', 'near')]),
    ];
    expect(convertedLines(units, {}, {}, PROFILE)).toContain('PTR: *tag(far) tag(near) int');
  });
});

describe('damage in a chain', () => {
  const faultOf = (dies: readonly Die[], profile = PROFILE): string =>
    formatErrorOf(() => convertUnits([unit(dies)], {}, {}, profile)).message;

  it('that is a circle or too long is told where it starts', () => {
    for (const circle of [[tag('a', 'a')], [tag('b', 'a'), tag('a', 'b')]]) {
      const dies = [INT, ...circle, pointer('a')];
      const error = formatErrorOf(() => convertUnits([unit(dies)], {}, {}, PROFILE));
      expect(error).toMatchObject({ code: 'dwarf-malformed', location: { section: '.debug_info' } });
      expect(error.message).toMatch(/annotation is the first of more than 64, or of a circle/u);
      expect(error.location.offset).toBe(writeDwarf({}, [unit(dies)]).labels.get('a'));
    }
  });

  it('begins beyond the limit', () => {
    const chain = (length: number): Die[] =>
      Array.from({ length }, (_, i) => tag(`t${i}`, i === 0 ? undefined : `t${i - 1}`));
    const longest = linesOf([INT, ...chain(MAX_ANNOTATIONS), pointer(`t${MAX_ANNOTATIONS - 1}`)]);
    expect(longest).toHaveLength(MAX_ANNOTATIONS + 2);
    expect(faultOf([INT, ...chain(MAX_ANNOTATIONS + 1), pointer(`t${MAX_ANNOTATIONS}`)])).toMatch(
      /more than 64/u,
    );
  });

  it.each([
    ['outside its unit', form('ref4', 0xffff), /refers to 0xffff, outside its unit/u],
    ['in the unit header', form('ref4', 2), /refers|leaves the unit/u],
    ['with a form that is no reference', form('data4', 20), /where a reference belongs/u],
  ])('%s', (_, GNU_annotation, message) => {
    expect(faultOf([INT, die('pointer_type', { type: ref('int'), GNU_annotation })])).toMatch(message);
  });

  it('is nothing that a profile sees which does not read it', () => {
    const dies = [
      INT,
      tag('a', 'a'),
      pointer('a'),
      die('pointer_type', { GNU_annotation: form('ref4', 0xffff) }),
    ];
    for (const profile of ['pahole-1.24', 'pahole-1.30'] as const)
      expect(kinds(linesOf(dies, profile))).toEqual(['INT', 'PTR:', 'PTR:']);
  });

  it('in a null entry', () => {
    const parent = die('structure_type', { name: 's', byte_size: 0 }, [], 's', { hasChildren: true });
    const offset = (writeDwarf({}, [unit([INT, parent])]).labels.get('s') ?? 0) + 4;
    const dies = [INT, parent, die('pointer_type', { GNU_annotation: form('ref4', offset) })];
    expect(faultOf(dies)).toMatch(/names a null entry/u);
  });
});

describe('declaration tags', () => {
  it('of members come before those of the struct, of parameters before those of the function', () => {
    const lines = convertedLines(annotatedUnits(), {}, ANNOTATED_ELF, PROFILE);
    const tagsOn = (target: string): string[] =>
      lines
        .filter((line) => line.includes(`tag on ${target},`))
        .map((line) => line.replace(/DECL_TAG (\w+):.*component (.*)/u, '$1 $2'));
    expect(tagsOn('struct record')).toEqual([
      'three 1',
      'two 1',
      'one 1',
      'two 3',
      'one 3',
      'two -1',
      'one -1',
    ]);
    expect(tagsOn('FUNC f')).toEqual(['two 0', 'one 0', 'one 2', 'three -1', 'two -1', 'one -1']);
  });

  it('of unions, typedefs and variables are not read, but of members of unions', () => {
    const chain = { GNU_annotation: ref('one') };
    const dies = [
      INT,
      tag('one', undefined, 'btf_decl_tag'),
      die('union_type', { name: text('u'), byte_size: 4, ...chain }, [
        die('member', { name: text('a'), type: ref('int'), ...chain }),
      ]),
      die('typedef', { name: text('t'), type: ref('int'), ...chain }),
    ];
    expect(kinds(linesOf(dies)).filter((kind) => kind === 'DECL_TAG')).toHaveLength(1);
  });

  it('of a struct in a struct stay apart', () => {
    const chain = { GNU_annotation: ref('one') };
    const member = (at: number): Die =>
      die('member', { name: text(`m${at}`), type: ref('int'), data_member_location: at, ...chain });
    const dies = [
      INT,
      tag('one', undefined, 'btf_decl_tag'),
      die('structure_type', { name: text('outer'), byte_size: 8, ...chain }, [
        member(0),
        die('structure_type', { name: text('inner'), byte_size: 4, ...chain }, [member(0)]),
        die('structure_type', { name: text('untagged'), byte_size: 4 }),
        member(4),
      ]),
    ];
    const tags = linesOf(dies).filter((line) => line.startsWith('DECL_TAG'));
    expect(tags.map((line) => line.replace(/.*struct /u, ''))).toEqual([
      'inner, component 0',
      'inner, component -1',
      'outer, component 0',
      'outer, component 1',
      'outer, component -1',
    ]);
  });

  it('as children, which gcc does not write, are read like those of clang', () => {
    const child = die('GNU_annotation', { name: text('btf_decl_tag'), const_value: text('child') });
    const dies = [INT, die('typedef', { name: text('t'), type: ref('int') }, [child])];
    expect(kinds(linesOf(dies))).toEqual(['INT', 'TYPEDEF', 'DECL_TAG']);
    expect(kinds(linesOf(dies, 'pahole-1.30'))).toEqual(['INT', 'TYPEDEF']);
  });
});
