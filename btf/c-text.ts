/**
 * BTF types as C: declarations, and definitions with offsets, sizes and holes beside the members. For people; what it
 * prints compiles where C can say it at all, but it adds no padding that a compiler would not add by itself.
 */

import { BTF_INT_BOOL, BTF_INT_SIGNED, BTF_KIND, BTF_KIND_NAMES } from './constants.ts';
import { counted } from './counted.ts';
import { declTagsOn } from './decl-tags.ts';
import { requireTypeId } from './require-type-id.ts';
import { pointerBytes, sizeOfType } from './type-size.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** Nesting of anonymous types and prototypes, types and lines of one text; beyond (only hostile input) stands `…`. */
const MAX_DEPTH = 12;
const MAX_TYPES = 10_000;
/** Of a single declaration, which thousands of may be asked for. */
const MAX_DECLARED_TYPES = 1_000;
const MAX_LINES = 100_000;

/** Links between a name and the type it ends in: pointers, qualifiers, arrays. Longer chains are rings. */
const MAX_CHAIN = 64;

const INDENT = '    ';

/** Stands between a member and the comment beside it until the column of all comments is known. */
const ASIDE = '\0';

/** Comments stand in one column up to this one; longer declarations have theirs right behind. */
const MAX_COMMENT_COLUMN = 80;

interface Text {
  readonly btf: Btf;
  readonly pointer: number;
  /** By id of a struct or union. */
  readonly alignments: Map<number, number>;
  readonly packed: Map<number, boolean>;
  typesLeft: number;
  linesLeft: number;
}

function newText(btf: Btf, maxTypes: number): Text {
  const limits = { typesLeft: maxTypes, linesLeft: MAX_LINES };
  return { btf, pointer: pointerBytes(btf), alignments: new Map(), packed: new Map(), ...limits };
}

/**
 * How C declares a thing of the type, e.g. `int (*handlers[4])(struct device *dev)` for the name `handlers`.
 * @param name "" gives the type alone, e.g. `const struct page *`
 * @throws RangeError when the BTF has no type with the id
 */
export function cDeclaration(btf: Btf, id: number, name = ''): string {
  requireTypeId(btf, id);
  return declare(newText(btf, MAX_DECLARED_TYPES), id, name, 1)
    .map((line) => line.trim().replace(ASIDE, ' '))
    .join(' ');
}

/**
 * The type's whole definition, as lines without newlines.
 * @throws RangeError when the BTF has no type with the id
 */
export function cDefinition(btf: Btf, id: number): string[] {
  requireTypeId(btf, id);
  return alignComments(definition(btf, id, MAX_TYPES));
}

/** The same in one line, for a list of many. */
export function cLine(btf: Btf, id: number): string {
  return definition(btf, id, MAX_DECLARED_TYPES)
    .map((line) => line.trim().replace(ASIDE, ' '))
    .join(' ');
}

function definition(btf: Btf, id: number, maxTypes: number): string[] {
  const text = newText(btf, maxTypes);
  const name = btf.name(id);
  switch (btf.kind(id)) {
    case K.VOID:
      return ['void'];
    case K.INT:
      return [`/* ${name}: ${intText(btf, id)} */`];
    case K.FLOAT:
      return [`/* ${name}: floating point, ${counted(btf.sizeOrType(id), 'byte')} */`];
    case K.STRUCT:
    case K.UNION:
      return withTail(composite(text, id, 0, 0), ';');
    case K.ENUM:
    case K.ENUM64:
      return withTail(enumeration(text, id, 0), `;${sizeComment(btf, id)}`);
    case K.FWD:
      return [`${btf.kindFlag(id) ? 'union' : 'struct'} ${name};`];
    case K.TYPEDEF:
      return withTail(declare(text, btf.sizeOrType(id), name, 0, 'typedef '), ';');
    case K.FUNC:
    case K.VAR: {
      const tags = declTags(btf, id);
      const note = tags.length === 0 ? '' : ` /* ${tags.join(', ')} */`;
      return withTail(declare(text, btf.sizeOrType(id), name, 0), `;${note}`);
    }
    case K.DATASEC:
      return section(text, id);
    case K.DECL_TAG:
      return [`/* tag ${JSON.stringify(name)} on ${tagged(btf, id)} */`];
    default:
      return withTail(declare(text, id, '', 0), ';');
  }
}

/** Lines of `prefix` + declaration; more than one when an anonymous type is spelled out in it. */
function declare(text: Text, id: number, name: string, depth: number, prefix = '', base = 0): string[] {
  const { btf } = text;
  let inner = name;
  let qualifiers = '';
  let at = id;
  // A pointer to an array or function binds tighter only in parentheses.
  let isPointer = false;
  for (let steps = 0; steps < MAX_CHAIN; steps++) {
    text.typesLeft--;
    if (text.typesLeft < 0) break;
    switch (btf.kind(at)) {
      case K.PTR:
        inner = `*${qualifiers}${inner}`;
        qualifiers = '';
        isPointer = true;
        break;
      case K.CONST:
      case K.VOLATILE:
      case K.RESTRICT:
      case K.TYPE_TAG:
        qualifiers += `${qualifier(btf, at)} `;
        break;
      case K.ARRAY:
        inner = `${isPointer ? `(${inner})` : inner}[${btf.arrayLength(at)}]`;
        isPointer = false;
        at = btf.arrayElementType(at);
        continue;
      case K.FUNC_PROTO:
        inner = `${isPointer ? `(${inner})` : inner}(${parameters(text, at, depth)})`;
        isPointer = false;
        break;
      default: {
        const lines = specifier(text, at, depth, base);
        lines[0] = `${prefix}${qualifiers}${lines[0]}`;
        const last = lines.length - 1;
        if (inner !== '') lines[last] = `${lines[last]} ${inner}`;
        return lines;
      }
    }
    at = btf.sizeOrType(at);
  }
  return [`${prefix}… ${inner}`];
}

function qualifier(btf: Btf, id: number): string {
  switch (btf.kind(id)) {
    case K.CONST:
      return 'const';
    case K.VOLATILE:
      return 'volatile';
    case K.RESTRICT:
      return 'restrict';
    default: {
      const attribute = btf.name(id);
      return btf.kindFlag(id)
        ? `__attribute__((${attribute}))`
        : `__attribute__((btf_type_tag(${JSON.stringify(attribute)})))`;
    }
  }
}

function parameters(text: Text, id: number, depth: number): string {
  const { btf } = text;
  const count = btf.vlen(id);
  if (count === 0) return 'void';
  if (depth >= MAX_DEPTH) return '…';
  // `...` needs a parameter before it; alone, it stands for a function declared without parameters.
  if (count === 1 && btf.entryType(id, 0) === 0) return '';
  const list: string[] = [];
  for (let i = 0; i < count && text.typesLeft > 0; i++) {
    const type = btf.entryType(id, i);
    const name = btf.entryName(id, i);
    if (type === 0 && name === '') list.push('...');
    else
      list.push(
        declare(text, type, name, depth + 1)
          .map((line) => line.trim())
          .join(' '),
      );
  }
  return list.join(', ');
}

/** What stands in front of all declarators: a name, or an anonymous type spelled out. */
function specifier(text: Text, id: number, depth: number, base: number): string[] {
  const { btf } = text;
  const name = btf.name(id);
  switch (btf.kind(id)) {
    case K.VOID:
      return ['void'];
    case K.STRUCT:
    case K.UNION: {
      const word = btf.kind(id) === K.STRUCT ? 'struct' : 'union';
      if (name !== '') return [`${word} ${name}`];
      return depth >= MAX_DEPTH ? [`${word} { … }`] : composite(text, id, depth, base);
    }
    case K.ENUM:
    case K.ENUM64:
      return name === '' ? enumeration(text, id, depth) : [`enum ${name}`];
    case K.FWD:
      return [`${btf.kindFlag(id) ? 'union' : 'struct'} ${name}`];
    case K.INT:
    case K.FLOAT:
    case K.TYPEDEF:
      return [name];
    default:
      return [`/* ${BTF_KIND_NAMES[btf.kind(id)]} ${name} */`];
  }
}

/** @param start where it lies in the outermost definition, in bits: what the offsets beside its members count from */
function composite(text: Text, id: number, depth: number, start: number): string[] {
  const { btf } = text;
  const isUnion = btf.kind(id) === K.UNION;
  const name = btf.name(id);
  const outer = INDENT.repeat(depth);
  const indent = INDENT.repeat(depth + 1);
  const lines = [`${isUnion ? 'union' : 'struct'} ${name === '' ? '' : `${name} `}{`];
  const count = btf.vlen(id);
  let end = 0;
  let holes = 0;
  for (let i = 0; i < count; i++) {
    if (text.linesLeft-- <= 0 || text.typesLeft <= 0) {
      lines.push(`${indent}/* … ${counted(count - i, 'more member')} */`);
      break;
    }
    const offset = btf.memberBitOffset(id, i);
    if (!isUnion && offset > end) {
      lines.push(`${indent}/* hole of ${extent(offset - end)} */`);
      holes++;
    }
    const bits = memberBits(text, id, i);
    if (bits !== undefined) end = Math.max(end, offset + bits);
    lines.push(...member(text, id, i, depth + 1, start + offset, indent));
  }
  const size = btf.sizeOrType(id);
  const padding = size * 8 - end;
  const hasPadding = !isUnion && padding > 0 && count > 0;
  if (hasPadding) lines.push(`${indent}/* padding of ${extent(padding)} */`);
  const notes = [
    `size: ${size}`,
    `members: ${count}`,
    ...(holes > 0 ? [`holes: ${holes}`] : []),
    ...(depth > 0 ? [] : declTags(btf, id)),
  ];
  if (depth === 0) lines.push('', `${indent}/* ${notes.join(', ')} */`);
  lines.push(`${outer}}${isPacked(text, id) ? ' __attribute__((packed))' : ''}`);
  return lines;
}

function member(
  text: Text,
  id: number,
  index: number,
  depth: number,
  bitOffset: number,
  indent: string,
): string[] {
  const { btf } = text;
  const type = btf.entryType(id, index);
  const width = btf.memberBitSize(id, index);
  const lines = declare(text, type, btf.entryName(id, index), depth, '', bitOffset);
  const last = lines.length - 1;
  lines[0] = `${indent}${lines[0]}`;
  const code = `${lines[last]}${width > 0 ? `${btf.entryName(id, index) === '' ? ' ' : ''}:${width}` : ''};`;
  const size = sizeOfType(btf, type, text.pointer);
  lines[last] = `${code}${ASIDE}/* ${place(bitOffset, width, size)} */`;
  return lines;
}

/** `offset size`; of a bitfield, `offset: bit size`, with the offset of the unit of its type that it lies in. */
function place(bitOffset: number, width: number, size: number | undefined): string {
  const bytes = size === undefined ? '' : ` ${String(size).padStart(5)}`;
  const isField = width > 0 || bitOffset % 8 !== 0;
  const unit = isField && size !== undefined && size > 0 ? size * 8 : 8;
  const start = Math.floor(bitOffset / unit) * unit;
  return `${String(start / 8).padStart(5)}${isField ? `:${String(bitOffset - start).padStart(2)}` : '   '}${bytes}`;
}

function memberBits(text: Text, id: number, index: number): number | undefined {
  const width = text.btf.memberBitSize(id, index);
  if (width > 0) return width;
  const size = sizeOfType(text.btf, text.btf.entryType(id, index), text.pointer);
  return size === undefined ? undefined : size * 8;
}

function extent(bits: number): string {
  if (bits % 8 !== 0) return counted(bits, 'bit');
  return counted(bits / 8, 'byte');
}

/** Whether some member lies where its own alignment would not let it. */
function isPacked(text: Text, id: number): boolean {
  let isIt = text.packed.get(id);
  if (isIt === undefined) {
    isIt = hasOddPlaces(text, id);
    text.packed.set(id, isIt);
  }
  return isIt;
}

function hasOddPlaces(text: Text, id: number): boolean {
  const { btf } = text;
  let largest = 1;
  for (let i = 0; i < btf.vlen(id); i++) {
    if (btf.memberBitSize(id, i) > 0) continue;
    const alignment = alignmentOf(text, btf.entryType(id, i), 0);
    if (btf.memberBitOffset(id, i) % (alignment * 8) !== 0) return true;
    largest = Math.max(largest, alignment);
  }
  return btf.sizeOrType(id) % largest !== 0;
}

/** What a compiler aligns the type to by itself. 64-bit numbers of 32-bit machines may be less; they show no harm. */
function alignmentOf(text: Text, id: number, depth: number): number {
  const { btf, pointer } = text;
  let at = id;
  for (let steps = 0; steps < MAX_CHAIN; steps++) {
    switch (btf.kind(at)) {
      case K.INT:
      case K.FLOAT:
      case K.ENUM:
      case K.ENUM64:
        return Math.min(btf.sizeOrType(at), pointer === 4 ? 4 : 16) || 1;
      case K.PTR:
        return pointer;
      case K.STRUCT:
      case K.UNION: {
        const known = text.alignments.get(at);
        if (known !== undefined) return known;
        // A struct that contains itself, or nests without end, is no valid one: anything will do.
        text.alignments.set(at, 1);
        if (depth >= MAX_DEPTH || isShallowPacked(btf, at, pointer)) return 1;
        let largest = 1;
        for (let i = 0; i < btf.vlen(at); i++) {
          largest = Math.max(largest, alignmentOf(text, btf.entryType(at, i), depth + 1));
        }
        const alignment = btf.sizeOrType(at) % largest === 0 ? largest : 1;
        text.alignments.set(at, alignment);
        return alignment;
      }
      case K.ARRAY:
        at = btf.arrayElementType(at);
        break;
      case K.TYPEDEF:
      case K.CONST:
      case K.VOLATILE:
      case K.RESTRICT:
      case K.TYPE_TAG:
        at = btf.sizeOrType(at);
        break;
      default:
        return 1;
    }
  }
  return 1;
}

/** A pointer or number at an odd place gives a packed struct away. */
function isShallowPacked(btf: Btf, id: number, pointer: number): boolean {
  for (let i = 0; i < btf.vlen(id); i++) {
    if (btf.memberBitSize(id, i) > 0) continue;
    const type = btf.entryType(id, i);
    const kind = btf.kind(type);
    const size = kind === K.PTR ? pointer : kind === K.INT ? Math.min(btf.sizeOrType(type), 4) : 1;
    if (size > 1 && btf.memberBitOffset(id, i) % (size * 8) !== 0) return true;
  }
  return false;
}

function enumeration(text: Text, id: number, depth: number): string[] {
  const { btf } = text;
  const name = btf.name(id);
  const head = `enum ${name === '' ? '' : `${name} `}{`;
  // Declared, and defined nowhere.
  if (btf.vlen(id) === 0 && name !== '') return [`enum ${name}`];
  const isLong = btf.kind(id) === K.ENUM64;
  const suffix = isLong ? (btf.kindFlag(id) ? 'LL' : 'ULL') : '';
  const lines = [head];
  for (let i = 0; i < btf.vlen(id); i++) {
    if (text.linesLeft-- <= 0) {
      lines.push(`${INDENT.repeat(depth + 1)}/* … ${btf.vlen(id) - i} more */`);
      break;
    }
    lines.push(`${INDENT.repeat(depth + 1)}${btf.entryName(id, i)} = ${btf.enumValue(id, i)}${suffix},`);
  }
  // Smaller than an int: only a packed enum is.
  const isSmall = btf.sizeOrType(id) < 4;
  lines.push(`${INDENT.repeat(depth)}}${isSmall ? ' __attribute__((packed))' : ''}`);
  return lines;
}

function sizeComment(btf: Btf, id: number): string {
  return ` /* size: ${btf.sizeOrType(id)} */`;
}

function section(text: Text, id: number): string[] {
  const { btf } = text;
  const lines = [
    `/* section ${btf.name(id)}: ${counted(btf.sizeOrType(id), 'byte')}, ${counted(btf.vlen(id), 'variable')} */`,
  ];
  for (let i = 0; i < btf.vlen(id) && i < MAX_LINES; i++) {
    const variable = btf.sectionVariable(id, i);
    // What stands in the place of a type id is one only in a VAR.
    const isVariable = btf.kind(variable) === K.VAR;
    const declared = isVariable
      ? declare(text, btf.sizeOrType(variable), btf.name(variable), MAX_DEPTH)
      : [`/* ${BTF_KIND_NAMES[btf.kind(variable)]} ${btf.name(variable)} */`];
    const at = `${String(btf.sectionOffset(id, i)).padStart(7)} ${String(btf.sectionSize(id, i)).padStart(6)}`;
    lines.push(`/* ${at} */ ${declared.map((line) => line.trim()).join(' ')};`);
  }
  return lines;
}

function intText(btf: Btf, id: number): string {
  const encoding = btf.intEncoding(id);
  const isBool = (encoding & BTF_INT_BOOL) !== 0;
  const sign = isBool ? 'boolean' : (encoding & BTF_INT_SIGNED) === 0 ? 'unsigned' : 'signed';
  const bits = btf.intBits(id) === btf.sizeOrType(id) * 8 ? '' : ` (${counted(btf.intBits(id), 'bit')})`;
  return `${sign} integer, ${counted(btf.sizeOrType(id), 'byte')}${bits}`;
}

/** Of the thing as a whole, and of its members or parameters with their names. */
function declTags(btf: Btf, id: number): string[] {
  const tags: string[] = [];
  for (const tag of declTagsOn(btf, id)) {
    const index = btf.componentIndex(tag);
    const list = btf.kind(id) === K.FUNC ? btf.sizeOrType(id) : id;
    const on = index < 0 || index >= entryCount(btf, list) ? '' : ` on ${btf.entryName(list, index)}`;
    tags.push(`tag: ${btf.name(tag)}${on}`);
  }
  return tags;
}

/** Members or parameters. */
function entryCount(btf: Btf, id: number): number {
  return [K.STRUCT, K.UNION, K.FUNC_PROTO].some((kind) => kind === btf.kind(id)) ? btf.vlen(id) : 0;
}

function tagged(btf: Btf, id: number): string {
  const target = btf.sizeOrType(id);
  const index = btf.componentIndex(id);
  const part = index < 0 ? '' : `, component ${index}`;
  return `${BTF_KIND_NAMES[btf.kind(target)]} ${btf.name(target)}${part}`;
}

function alignComments(lines: readonly string[]): string[] {
  const widths = lines.map((line) => line.indexOf(ASIDE)).filter((width) => width < MAX_COMMENT_COLUMN);
  const column = Math.max(0, ...widths) + 1;
  return lines.map((line) => {
    const width = line.indexOf(ASIDE);
    return width < 0 ? line : line.slice(0, width).padEnd(column - 1) + ` ${line.slice(width + 1)}`;
  });
}

function withTail(lines: string[], tail: string): string[] {
  lines[lines.length - 1] += tail;
  return lines;
}
