/** Where the operations of a DWARF expression end (DWARF 5 §7.7.1). */

import type { UnitHeader } from './sections.ts';

const NONE = 0;
/** Operands of 1 to 8 bytes are their size. */
const [ONE, TWO, FOUR, EIGHT] = [1, 2, 4, 8];
const ADDRESS = 16;
const LEB = 17;
const TWO_LEBS = 18;
/** LEB128 length and so many bytes. */
const BLOCK = 19;
/** Offset of a DIE, LEB128. */
const OFFSET_LEB = 20;
const OFFSET = 21;
/** Offset of a type, one byte for a length and so many bytes. */
const LEB_BLOCK1 = 22;
const ONE_LEB = 23;
const UNKNOWN = 255;

/** Operands by operation. */
const OPERANDS = new Uint8Array(256).fill(UNKNOWN);

function declare(operands: number, ...operations: readonly number[]): void {
  for (const operation of operations) OPERANDS[operation] = operands;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

declare(ADDRESS, 0x03);
declare(NONE, 0x06, ...range(0x12, 0x14), ...range(0x16, 0x22), ...range(0x24, 0x27));
declare(NONE, ...range(0x29, 0x2e), ...range(0x30, 0x6f), 0x96, 0x97, 0x9b, 0x9c, 0x9f, 0xe0, 0xf0);
declare(ONE, 0x08, 0x09, 0x15, 0x94, 0x95);
declare(TWO, 0x0a, 0x0b, 0x28, 0x2f, 0x98);
declare(FOUR, 0x0c, 0x0d, 0x99, 0xfa);
declare(EIGHT, 0x0e, 0x0f);
declare(LEB, 0x10, 0x11, 0x23, ...range(0x70, 0x91), 0x93, 0xa1, 0xa2, 0xa8, 0xa9, 0xf7, 0xf9, 0xfb, 0xfc);
declare(TWO_LEBS, 0x92, 0x9d, 0xa5, 0xf5);
declare(BLOCK, 0x9e, 0xa3, 0xf3);
declare(OFFSET, 0x9a, 0xfd);
declare(OFFSET_LEB, 0xa0, 0xf2);
declare(LEB_BLOCK1, 0xa4, 0xf4);
declare(ONE_LEB, 0xa6, 0xa7, 0xf6);

/** Where the operation at `at` ends; -1 when it is unknown or goes beyond `end`. */
export function operationEnd(
  bytes: Uint8Array,
  at: number,
  end: number,
  { addressBytes, offsetBytes }: Pick<UnitHeader, 'addressBytes' | 'offsetBytes'>,
): number {
  const operands = OPERANDS[bytes[at]];
  let next = at + 1;
  switch (operands) {
    case ADDRESS:
      next += addressBytes;
      break;
    case LEB:
      next = lebEnd(bytes, next, end);
      break;
    case TWO_LEBS:
      next = lebEnd(bytes, lebEnd(bytes, next, end), end);
      break;
    case BLOCK:
      next = blockEnd(bytes, next, end);
      break;
    case OFFSET:
      next += offsetBytes;
      break;
    case OFFSET_LEB:
      next = lebEnd(bytes, next + offsetBytes, end);
      break;
    case LEB_BLOCK1: {
      const length = lebEnd(bytes, next, end);
      next = length < end ? length + 1 + bytes[length] : end + 1;
      break;
    }
    case ONE_LEB:
      next = lebEnd(bytes, next + 1, end);
      break;
    case UNKNOWN:
      return -1;
    default:
      next += operands;
  }
  return next > end ? -1 : next;
}

/** Beyond `end` when the number goes there. */
function lebEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at] >= 0x80) at++;
  return at + 1;
}

function blockEnd(bytes: Uint8Array, from: number, end: number): number {
  const start = lebEnd(bytes, from, end);
  if (start > end) return start;
  let length = 0;
  let scale = 1;
  for (let at = from; at < start; at++) {
    length += (bytes[at] & 0x7f) * scale;
    scale *= 128;
  }
  return start + length;
}
