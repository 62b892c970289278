/** BTF types as text for people: references stop at named types, everything else is spelled out. */

import { BTF_INT_BOOL, BTF_INT_CHAR, BTF_INT_SIGNED, BTF_KIND, BTF_KIND_NAMES } from './constants.ts';
import { requireTypeId } from './require-type-id.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/**
 * Nesting of anonymous types, and types in one text, that are spelled out; beyond (only hostile input) stands `…`. The
 * largest definition of a kernel names a tenth of this, and ten times as many take a second.
 */
const MAX_DEPTH = 12;
const MAX_TYPES = 5_000;

/** How far one text has got. */
interface Progress {
  typesLeft: number;
}

/**
 * What a reference to the type looks like, e.g. `*const struct page`, `[16]char`, `func(regs *struct pt_regs) int`.
 * @throws RangeError when the BTF has no type with the id
 */
export function typeExpression(btf: Btf, id: number): string {
  requireTypeId(btf, id);
  return expression(btf, id, 0, { typesLeft: MAX_TYPES });
}

/**
 * The type's own definition: one line for the whole, then one per member or enumerator.
 * @throws RangeError when the BTF has no type with the id
 */
export function describeLines(btf: Btf, id: number): string[] {
  requireTypeId(btf, id);
  return definition(btf, id, 0, { typesLeft: MAX_TYPES });
}

function expression(btf: Btf, id: number, depth: number, progress: Progress): string {
  if (depth > MAX_DEPTH || progress.typesLeft-- <= 0) return '…';
  const kind = btf.kind(id);
  const name = btf.name(id);
  const inner = (target: number): string => expression(btf, target, depth + 1, progress);
  switch (kind) {
    case K.VOID:
      return 'void';
    case K.INT:
    case K.FLOAT:
      return name;
    case K.PTR:
      return `*${inner(btf.sizeOrType(id))}`;
    case K.ARRAY:
      return `[${btf.arrayLength(id)}]${inner(btf.arrayElementType(id))}`;
    case K.VOLATILE:
      return `volatile ${inner(btf.sizeOrType(id))}`;
    case K.CONST:
      return `const ${inner(btf.sizeOrType(id))}`;
    case K.RESTRICT:
      return `restrict ${inner(btf.sizeOrType(id))}`;
    case K.TYPE_TAG:
      return `${btf.kindFlag(id) ? 'attribute' : 'tag'}(${name}) ${inner(btf.sizeOrType(id))}`;
    case K.FUNC_PROTO:
      return `func${prototype(btf, id, depth, progress)}`;
    case K.TYPEDEF:
      return `typedef ${name}`;
    case K.FWD:
      return `${btf.kindFlag(id) ? 'union' : 'struct'} ${name} (forward)`;
    case K.STRUCT:
    case K.UNION:
    case K.ENUM:
    case K.ENUM64: {
      const word = kind === K.STRUCT ? 'struct' : kind === K.UNION ? 'union' : 'enum';
      if (name !== '') return `${word} ${name}`;
      const [head, ...entries] = definition(btf, id, depth + 1, progress);
      return `${head} { ${entries.join('; ')} }`;
    }
    default:
      return `${BTF_KIND_NAMES[kind]} ${name}`;
  }
}

function definition(btf: Btf, id: number, depth: number, progress: Progress): string[] {
  const kind = btf.kind(id);
  const target = (): string => expression(btf, btf.sizeOrType(id), depth, progress);
  const entries = <T>(line: (index: number) => T): T[] =>
    Array.from({ length: btf.vlen(id) }, (_, i) => line(i));
  switch (kind) {
    case K.INT:
      return [
        `int of ${btf.sizeOrType(id)} bytes, ${btf.intBits(id)} bits, ${intEncoding(btf.intEncoding(id))}`,
      ];
    case K.FLOAT:
      return [`float of ${btf.sizeOrType(id)} bytes`];
    case K.STRUCT:
    case K.UNION:
      return [
        `${kind === K.STRUCT ? 'struct' : 'union'} of ${btf.sizeOrType(id)} bytes`,
        ...entries((i) => memberLine(btf, id, i, depth, progress)),
      ];
    case K.ENUM:
    case K.ENUM64: {
      const sign = btf.kindFlag(id) ? 'signed' : 'unsigned';
      const word = kind === K.ENUM ? 'enum' : 'enum64';
      return [
        `${sign} ${word} of ${btf.sizeOrType(id)} bytes`,
        ...entries((i) => `${btf.entryName(id, i)} = ${btf.enumValue(id, i)}`),
      ];
    }
    case K.FUNC:
      return [
        `${linkageName(btf.linkage(id))} func${describeProto(btf, btf.sizeOrType(id), depth, progress)}`,
      ];
    case K.VAR:
      return [`${linkageName(btf.linkage(id))} ${target()}`];
    case K.DATASEC:
      return [
        `section of ${btf.sizeOrType(id)} bytes`,
        ...entries((i) => {
          const name = btf.name(btf.sectionVariable(id, i));
          return `${name}: at byte ${btf.sectionOffset(id, i)}, ${btf.sectionSize(id, i)} bytes`;
        }),
      ];
    case K.DECL_TAG:
      return [`tag on ${target()}, component ${btf.componentIndex(id)}`];
    case K.TYPEDEF:
      return [target()];
    default:
      return [expression(btf, id, depth, progress)];
  }
}

function memberLine(btf: Btf, id: number, index: number, depth: number, progress: Progress): string {
  const width = btf.memberBitSize(id, index);
  const at = `${btf.memberBitOffset(id, index)}${width > 0 ? ` width ${width}` : ''}`;
  const name = btf.entryName(id, index) || '(anonymous)';
  return `${name}: at bit ${at}, ${expression(btf, btf.entryType(id, index), depth, progress)}`;
}

function describeProto(btf: Btf, id: number, depth: number, progress: Progress): string {
  return btf.kind(id) === K.FUNC_PROTO
    ? prototype(btf, id, depth, progress)
    : ` ${expression(btf, id, depth, progress)}`;
}

function prototype(btf: Btf, id: number, depth: number, progress: Progress): string {
  const parameters: string[] = [];
  for (let i = 0; i < btf.vlen(id); i++) {
    const name = btf.entryName(id, i);
    const type = btf.entryType(id, i);
    if (type === 0 && name === '') parameters.push('...');
    else parameters.push(`${name}${name === '' ? '' : ' '}${expression(btf, type, depth + 1, progress)}`);
  }
  return `(${parameters.join(', ')}) ${expression(btf, btf.sizeOrType(id), depth + 1, progress)}`;
}

function linkageName(linkage: number): string {
  return ['static', 'global', 'extern'][linkage] ?? `linkage ${linkage}`;
}

function intEncoding(encoding: number): string {
  const parts = [
    (encoding & BTF_INT_SIGNED) !== 0 ? 'signed' : 'unsigned',
    (encoding & BTF_INT_CHAR) !== 0 ? 'char' : '',
    (encoding & BTF_INT_BOOL) !== 0 ? 'bool' : '',
  ];
  return parts.filter((part) => part !== '').join(' ');
}
