/** Which bytes the kernel accepts as names (kernel/bpf/btf.c, `__btf_name_valid`). */

import { BTF_MAX_NAME_BYTES } from './constants.ts';
import type { Btf } from './view.ts';

const UNDERSCORE = 0x5f;
const DOT = 0x2e;

/** Letters, digits, `_` and `.`, no digit first, 1 to 511 bytes. */
export function isIdentifier(btf: Btf, nameOffset: number): boolean {
  const { strings } = btf;
  const first = strings[nameOffset];
  if (first === 0 || isDigit(first)) return false;
  let at = nameOffset;
  for (; strings[at] !== 0; at++) {
    const byte = strings[at];
    const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
    if (!isLetter && !isDigit(byte) && byte !== UNDERSCORE && byte !== DOT) return false;
  }
  return at - nameOffset <= BTF_MAX_NAME_BYTES;
}

/** Printable ASCII, 1 to 511 bytes: what may name a section. */
export function isSectionName(btf: Btf, nameOffset: number): boolean {
  const { strings } = btf;
  let at = nameOffset;
  for (; strings[at] !== 0; at++) {
    if (strings[at] < 0x20 || strings[at] > 0x7e) return false;
  }
  return at > nameOffset && at - nameOffset <= BTF_MAX_NAME_BYTES;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
