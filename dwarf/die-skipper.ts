/**
 * Steps over DIEs that say nothing about types: what function bodies consist of, a quarter of `.debug_info`. A loop of
 * its own, so that it compiles to tight code. It stops in front of anything else and in front of damage, which the
 * DIE loop (unit-reader.ts) then meets.
 */

import { DIE_CLASS } from './die-classes.ts';
import { OP, SHAPE } from './shapes.ts';

// Copies, because V8 folds only a module's own constants into optimized code.
const { OTHER, FORMAL_PARAMETER, PLAIN_PARAMETER } = DIE_CLASS;
const {
  CLASS: SHAPE_CLASS,
  HAS_CHILDREN: SHAPE_HAS_CHILDREN,
  FIXED_BYTES: SHAPE_FIXED_BYTES,
  OPS_START: SHAPE_OPS_START,
  OPS_END: SHAPE_OPS_END,
} = SHAPE;
const {
  SKIP: OP_SKIP,
  MARK: OP_MARK,
  STRING: OP_STRING,
  LEB: OP_LEB,
  BLOCK1: OP_BLOCK1,
  BLOCK_LEB: OP_BLOCK_LEB,
} = OP;

/** What the DIE loop notes of a DIE whose children mean nothing by themselves. */
export const PARENT_OF_NOTHING = 0;
const NOTHING = PARENT_OF_NOTHING;

export class DieSkipper {
  /** Depth after the last call. */
  depth = 0;

  private readonly info: Uint8Array;
  private readonly maxDepth: number;
  private end = 0;
  private codes: Int32Array = new Int32Array(0);
  private shapes: Int32Array = new Int32Array(0);
  private ops: Int32Array = new Int32Array(0);

  constructor(info: Uint8Array, maxDepth: number) {
    this.info = info;
    this.maxDepth = maxDepth;
  }

  open(end: number, codes: Int32Array, shapes: Int32Array, ops: Int32Array): void {
    this.end = end;
    this.codes = codes;
    this.shapes = shapes;
    this.ops = ops;
  }

  /**
   * @param from where a DIE starts that is inside of `depth` others
   * @param parents by depth, what the DIE there is to its children; gets those that are entered
   * @returns where the first DIE or end of children is that was not taken
   */
  skip(from: number, depth: number, parents: Uint8Array): number {
    const { info, codes, shapes, end, maxDepth } = this;
    let pos = from;
    let level = depth;
    while (pos < end) {
      let code = info[pos];
      let at = pos + 1;
      if (code === 0) {
        if (parents[level] !== NOTHING || level <= 1) break;
        level--;
        pos++;
        continue;
      }
      if (code >= 0x80) {
        const high = at < end ? info[at] : 0x80;
        if (high >= 0x80) break;
        code = (code & 0x7f) | (high << 7);
        at++;
      }
      if (code >= codes.length) break;
      const shape = codes[code];
      if (shape === 0) break;
      const dieClass = shapes[shape + SHAPE_CLASS];
      if (dieClass !== OTHER) {
        const isParameter = dieClass === FORMAL_PARAMETER || dieClass === PLAIN_PARAMETER;
        // A parameter of an inlined function or a call.
        if (!isParameter || parents[level] !== NOTHING) break;
      }
      const fixed = shapes[shape + SHAPE_FIXED_BYTES];
      const next =
        fixed >= 0
          ? at + fixed
          : this.behind(at, shapes[shape + SHAPE_OPS_START], shapes[shape + SHAPE_OPS_END]);
      if (next < 0 || next > end) break;
      if (shapes[shape + SHAPE_HAS_CHILDREN] === 1) {
        if (level === maxDepth) break;
        level++;
        parents[level] = NOTHING;
      }
      pos = next;
    }
    this.depth = level;
    return pos;
  }

  /** Where attributes end, -1 when that is not simple. */
  private behind(from: number, start: number, stop: number): number {
    const { info, ops, end } = this;
    let pos = from;
    for (let o = start; o < stop; o++) {
      const op = ops[o] & 15;
      if (op === OP_SKIP) {
        pos += ops[o] >> 4;
        continue;
      }
      if (op === OP_MARK) continue;
      if (pos >= end) return -1;
      if (op === OP_BLOCK_LEB || op === OP_BLOCK1) {
        const length = info[pos];
        if (op === OP_BLOCK_LEB && length >= 0x80) return -1;
        pos += 1 + length;
      } else if (op === OP_LEB) {
        while (pos < end && info[pos] >= 0x80) pos++;
        pos++;
      } else if (op === OP_STRING) {
        while (pos < end && info[pos] !== 0) pos++;
        pos++;
      } else {
        return -1;
      }
    }
    return pos;
  }
}
