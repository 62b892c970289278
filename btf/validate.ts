/**
 * Does a decoded BTF keep the kernel's rules for BTF? The rules of kernel/bpf/btf.c (`btf_check_all_metas`, which runs
 * on vmlinux BTF at boot, and of its later checks those that hold for every encoder's output).
 */

import { FormatError } from '../elf/format-error.ts';
import {
  BTF_INT_BOOL,
  BTF_INT_CHAR,
  BTF_INT_SIGNED,
  BTF_KIND,
  BTF_KIND_NAMES,
  BTF_LINKAGE,
  BTF_MAX_NAME_OFFSET,
  BTF_MAX_TYPE_ID,
} from './constants.ts';
import { readBtfHeader } from './decode.ts';
import { counted } from './counted.ts';
import { isIdentifier, isSectionName } from './names.ts';
import { findEndlessTypes, findSelfContainingTypes } from './validate-loops.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** One rule of the kernel's that a type breaks. */
export interface ValidationProblem {
  /** The type it is about; 0 for the blob as a whole. */
  readonly id: number;
  /** One sentence without the type, e.g. `member 3 starts beyond the struct's 16 bytes`. */
  readonly message: string;
  /** For people: `[42] STRUCT foo: member 3 …`. */
  readonly text: string;
}

/** Enough to see what is wrong; a broken encoder breaks every type alike. */
const MAX_PROBLEMS = 100;

/** Problems in id order, at most 100; empty for a BTF that a kernel accepts. */
export function validateBtf(btf: Btf): ValidationProblem[] {
  const problems: ValidationProblem[] = [];
  const report = (id: number, message: string): void => {
    if (problems.length >= MAX_PROBLEMS) return;
    const name = id === 0 ? '' : btf.name(id);
    const subject =
      id === 0 ? 'BTF' : `[${id}] ${BTF_KIND_NAMES[btf.kind(id)]}${name === '' ? '' : ` ${name}`}`;
    problems.push({ id, message, text: `${subject}: ${message}` });
  };
  checkBlob(btf, (message) => report(0, message));
  for (let id = btf.firstId; id < btf.typeCount && problems.length < MAX_PROBLEMS; id++) {
    checkType(btf, id, (message) => report(id, message));
  }
  for (const id of findEndlessTypes(btf)) report(id, 'refers to itself without a struct or union between');
  for (const id of findSelfContainingTypes(btf)) report(id, 'contains itself');
  return problems;
}

/** Sizes of `struct task_struct` that a kernel can have, in bytes: 2.6 on 32 bits had 1.5 KiB, 6.x has about 10 KiB. */
const TASK_STRUCT_MIN_BYTES = 512;
const TASK_STRUCT_MAX_BYTES = 64 * 1024;

/**
 * Throws FormatError `btf-malformed` unless this is the BTF of a whole kernel image: a definition of
 * `struct task_struct` of a size that kernels have.
 */
export function checkKernelBtf(btf: Btf): void {
  const sizes: number[] = [];
  for (let id = 1; id < btf.typeCount; id++) {
    if (btf.kind(id) === K.STRUCT && btf.name(id) === 'task_struct') sizes.push(btf.sizeOrType(id));
  }
  if (sizes.length === 0) throw notAKernel('no struct task_struct');
  const isPlausible = sizes.some((size) => size >= TASK_STRUCT_MIN_BYTES && size <= TASK_STRUCT_MAX_BYTES);
  if (!isPlausible) throw notAKernel(`struct task_struct of ${sizes.join(', ')} bytes`);
}

function notAKernel(what: string): FormatError {
  return new FormatError('btf-malformed', { format: 'btf' }, `not the BTF of a kernel: ${what}`);
}

type Report = (message: string) => void;

function checkBlob(btf: Btf, report: Report): void {
  if (btf.typeCount - 1 > BTF_MAX_TYPE_ID)
    report(`${btf.typeCount - 1} types, the limit is ${BTF_MAX_TYPE_ID}`);
  if (btf.strings.length - 1 > BTF_MAX_NAME_OFFSET) {
    report(`${btf.strings.length} bytes of strings, the limit is ${BTF_MAX_NAME_OFFSET + 1}`);
  }
  const header = readBtfHeader(btf.bytes);
  const parts = [
    { start: header.typesStart, end: header.typesEnd },
    { start: header.layoutStart, end: header.layoutEnd },
    { start: header.stringsStart, end: header.stringsEnd },
  ].filter((part) => part.end > part.start);
  parts.sort((a, b) => a.start - b.start);
  let end = header.headerBytes;
  for (const part of parts) {
    if (part.start !== end) report(`${part.start - end} bytes at offset ${end} belong to no section`);
    end = part.end;
  }
  if (end !== btf.bytes.length) report(`${btf.bytes.length - end} bytes follow the last section`);
}

const KINDS_WITH_LIST: ReadonlySet<number> = new Set([
  K.STRUCT,
  K.UNION,
  K.ENUM,
  K.ENUM64,
  K.FUNC_PROTO,
  K.FUNC,
  K.DATASEC,
]);
const KINDS_WITH_FLAG: ReadonlySet<number> = new Set([
  K.STRUCT,
  K.UNION,
  K.ENUM,
  K.ENUM64,
  K.FWD,
  K.DECL_TAG,
  K.TYPE_TAG,
]);
const UNNAMED_KINDS: ReadonlySet<number> = new Set([
  K.PTR,
  K.ARRAY,
  K.VOLATILE,
  K.CONST,
  K.RESTRICT,
  K.FUNC_PROTO,
]);
/** Kinds that describe a thing, not a type: nothing can be of them. */
const KINDS_OF_THINGS: ReadonlySet<number> = new Set([K.FUNC, K.VAR, K.DATASEC, K.DECL_TAG]);

function checkType(btf: Btf, id: number, report: Report): void {
  const kind = btf.kind(id);
  if (btf.vlen(id) !== 0 && !KINDS_WITH_LIST.has(kind))
    report(`has vlen ${btf.vlen(id)}, its kind has no list`);
  if (btf.kindFlag(id) && !KINDS_WITH_FLAG.has(kind)) report('has kind_flag, which its kind does not use');
  checkOwnName(btf, id, kind, report);
  switch (kind) {
    case K.INT:
      checkInt(btf, id, report);
      return;
    case K.FLOAT:
      checkSize(btf, id, [2, 4, 8, 12, 16], report);
      return;
    case K.PTR:
      checkTarget(btf, btf.sizeOrType(id), report);
      checkTagOrder(btf, id, report);
      return;
    case K.TYPEDEF:
    case K.VOLATILE:
    case K.CONST:
    case K.RESTRICT:
    case K.TYPE_TAG:
      checkTarget(btf, btf.sizeOrType(id), report);
      return;
    case K.ARRAY:
      checkArray(btf, id, report);
      return;
    case K.STRUCT:
    case K.UNION:
      checkComposite(btf, id, report);
      return;
    case K.ENUM:
    case K.ENUM64:
      checkSize(btf, id, [1, 2, 4, 8], report);
      checkEntryNames(btf, id, 'enumerator', report);
      return;
    case K.FWD:
      if (btf.sizeOrType(id) !== 0) report(`has type ${btf.sizeOrType(id)}, must be 0`);
      return;
    case K.FUNC:
      checkFunction(btf, id, report);
      return;
    case K.FUNC_PROTO:
      checkPrototype(btf, id, report);
      return;
    case K.VAR:
      if (btf.sizeOrType(id) === 0) report('is of type void');
      else checkTarget(btf, btf.sizeOrType(id), report);
      if (btf.linkage(id) > BTF_LINKAGE.GLOBAL) report(`has linkage ${btf.linkage(id)}`);
      return;
    case K.DATASEC:
      checkSection(btf, id, report);
      return;
    case K.DECL_TAG:
      checkDeclTag(btf, id, report);
      return;
    default:
  }
}

function checkOwnName(btf: Btf, id: number, kind: number, report: Report): void {
  const name = btf.nameOffset(id);
  const isEmpty = btf.strings[name] === 0;
  switch (kind) {
    case K.INT:
    case K.FLOAT:
    case K.TYPE_TAG:
    case K.DECL_TAG:
      if (isEmpty) report('has no name');
      return;
    case K.STRUCT:
    case K.UNION:
    case K.ENUM:
    case K.ENUM64:
      if (!isEmpty && !isIdentifier(btf, name)) report('has a name that is no identifier');
      return;
    case K.DATASEC:
      if (!isSectionName(btf, name)) report('has no valid section name');
      return;
    default:
      if (!UNNAMED_KINDS.has(kind)) {
        if (!isIdentifier(btf, name)) report(isEmpty ? 'has no name' : 'has a name that is no identifier');
      } else if (name !== 0) {
        report('has a name, its kind has none');
      }
  }
}

function checkInt(btf: Btf, id: number, report: Report): void {
  const encoding = btf.intEncoding(id);
  const isKnown = encoding === 0 || [BTF_INT_SIGNED, BTF_INT_CHAR, BTF_INT_BOOL].includes(encoding);
  if (!isKnown) report(`has encoding ${encoding}`);
  if (btf.words[btf.offsets[id] + 3] >>> 28 !== 0) report('has unknown bits in its encoding');
  const bits = btf.intBits(id) + btf.intBitOffset(id);
  if (btf.intBits(id) === 0) report('has no bits');
  if (bits > 128) report(`has ${bits} bits, the limit is 128`);
  if (bits > btf.sizeOrType(id) * 8)
    report(`has ${counted(bits, 'bit')} in ${counted(btf.sizeOrType(id), 'byte')}`);
}

function checkSize(btf: Btf, id: number, allowed: readonly number[], report: Report): void {
  if (!allowed.includes(btf.sizeOrType(id))) report(`has size ${btf.sizeOrType(id)}`);
}

/** `void` is fine here; where it is not, the caller says so. */
function checkTarget(btf: Btf, target: number, report: Report, what = 'refers to'): void {
  const kind = btf.kind(target);
  if (KINDS_OF_THINGS.has(kind)) report(`${what} [${target}], a ${BTF_KIND_NAMES[kind]}`);
}

function checkArray(btf: Btf, id: number, report: Report): void {
  if (btf.sizeOrType(id) !== 0) report(`has size ${btf.sizeOrType(id)}, must be 0`);
  if (btf.arrayElementType(id) === 0) report('has elements of type void');
  else checkTarget(btf, btf.arrayElementType(id), report, 'has elements of');
  if (btf.kind(btf.arrayIndexType(id)) !== K.INT)
    report(`has index type [${btf.arrayIndexType(id)}], no INT`);
}

function checkComposite(btf: Btf, id: number, report: Report): void {
  const bytes = btf.sizeOrType(id);
  const isUnion = btf.kind(id) === K.UNION;
  let last = 0;
  for (let i = 0; i < btf.vlen(id); i++) {
    const name = btf.words[btf.entryWord(id, i)];
    if (btf.strings[name] !== 0 && !isIdentifier(btf, name))
      report(`member ${i} has a name that is no identifier`);
    const type = btf.entryType(id, i);
    if (type === 0) report(`member ${i} is of type void`);
    else checkTarget(btf, type, report, `member ${i} is`);
    const offset = btf.memberBitOffset(id, i);
    const width = btf.memberBitSize(id, i);
    if (isUnion && offset !== 0) report(`member ${i} of a union is at bit ${offset}`);
    if (offset < last) report(`member ${i} is before member ${i - 1}`);
    if (offset + width > bytes * 8)
      report(`member ${i} is at bit ${offset}, beyond the ${counted(bytes, 'byte')}`);
    last = offset;
  }
}

function checkEntryNames(btf: Btf, id: number, what: string, report: Report): void {
  for (let i = 0; i < btf.vlen(id); i++) {
    if (!isIdentifier(btf, btf.words[btf.entryWord(id, i)])) report(`${what} ${i} has no valid name`);
  }
}

function checkFunction(btf: Btf, id: number, report: Report): void {
  if (btf.linkage(id) > BTF_LINKAGE.GLOBAL) report(`has linkage ${btf.linkage(id)}`);
  const proto = btf.sizeOrType(id);
  if (btf.kind(proto) !== K.FUNC_PROTO) {
    report(`has type [${proto}], a ${BTF_KIND_NAMES[btf.kind(proto)]}`);
    return;
  }
  for (let i = 0; i < btf.vlen(proto); i++) {
    if (btf.entryType(proto, i) !== 0 && btf.entryName(proto, i) === '') report(`parameter ${i} has no name`);
  }
}

function checkPrototype(btf: Btf, id: number, report: Report): void {
  checkTarget(btf, btf.sizeOrType(id), report, 'returns');
  const count = btf.vlen(id);
  for (let i = 0; i < count; i++) {
    const name = btf.words[btf.entryWord(id, i)];
    const isNamed = btf.strings[name] !== 0;
    const type = btf.entryType(id, i);
    if (type === 0 && (i < count - 1 || isNamed)) report(`parameter ${i} is of type void`);
    if (isNamed && !isIdentifier(btf, name)) report(`parameter ${i} has a name that is no identifier`);
    checkTarget(btf, type, report, `parameter ${i} is`);
  }
}

function checkSection(btf: Btf, id: number, report: Report): void {
  const bytes = btf.sizeOrType(id);
  if (bytes === 0) report('has size 0');
  let end = 0;
  for (let i = 0; i < btf.vlen(id); i++) {
    const offset = btf.sectionOffset(id, i);
    const size = btf.sectionSize(id, i);
    const variable = btf.sectionVariable(id, i);
    if (btf.kind(variable) !== K.VAR) report(`entry ${i} is [${variable}], no VAR`);
    if (offset < end)
      report(`entry ${i} at byte ${offset} is not behind the one before, which ends at ${end}`);
    if (size === 0) report(`entry ${i} has size 0`);
    if (offset + size > bytes) report(`entry ${i} ends at byte ${offset + size} of ${bytes}`);
    end = offset + size;
  }
}

/** What a DECL_TAG may be on. */
const TAGGED_KINDS: ReadonlySet<number> = new Set([K.STRUCT, K.UNION, K.TYPEDEF, K.VAR, K.FUNC]);

function checkDeclTag(btf: Btf, id: number, report: Report): void {
  const target = btf.sizeOrType(id);
  const kind = btf.kind(target);
  const component = btf.componentIndex(id);
  if (!TAGGED_KINDS.has(kind)) report(`is on [${target}], a ${BTF_KIND_NAMES[kind]}`);
  if (component < -1) report(`has component ${component}`);
  if (component < 0) return;
  const listed = kind === K.FUNC ? btf.sizeOrType(target) : target;
  const hasComponents = kind === K.STRUCT || kind === K.UNION || kind === K.FUNC;
  if (!hasComponents || component >= btf.vlen(listed))
    report(`is on component ${component}, which does not exist`);
}

/** Type tags stand between a pointer and the qualifiers of what it points to. */
function checkTagOrder(btf: Btf, id: number, report: Report): void {
  let target = btf.sizeOrType(id);
  let isInTags = true;
  // Bounded, because a ring of qualifiers is found and reported elsewhere.
  for (let steps = 0; steps < 64; steps++) {
    const kind = btf.kind(target);
    if (kind === K.TYPE_TAG) {
      if (!isInTags) {
        report('has a type tag behind a qualifier');
        return;
      }
    } else if (kind === K.VOLATILE || kind === K.CONST || kind === K.RESTRICT) {
      isInTags = false;
    } else {
      return;
    }
    target = btf.sizeOrType(target);
  }
}
