/**
 * What relocation types do to data, by machine: the types that assemblers and `ld -r` leave in debug sections and in
 * data. Numbers and formulas as in each machine's psABI supplement; names as in `elf.h`.
 */

import { EM } from './constants.ts';

/** S: the symbol's address, A: addend, P: the place's address, V: what stands at the place. */
export const RELOCATION_OPERATION = {
  NONE: 0,
  /** S + A */
  ABSOLUTE: 1,
  /** S + A - P */
  RELATIVE: 2,
  /** V + S + A */
  ADD: 3,
  /** V - S - A */
  SUBTRACT: 4,
  /** S + A in the length of the ULEB128 number at the place */
  SET_ULEB128: 5,
  /** V - S - A, likewise */
  SUBTRACT_ULEB128: 6,
} as const;

export interface RelocationRule {
  /** One of {@link RELOCATION_OPERATION}. */
  readonly operation: number;
  /** Bytes changed; 0 for NONE and ULEB128. */
  readonly bytes: number;
}

/** Rules by relocation type. */
export type RelocationRules = ReadonlyMap<number, RelocationRule>;

const { NONE, ABSOLUTE, RELATIVE, ADD, SUBTRACT, SET_ULEB128, SUBTRACT_ULEB128 } = RELOCATION_OPERATION;

type Row = readonly [type: number, operation: number, bytes: number];

function rules(...rows: readonly Row[]): RelocationRules {
  return new Map(rows.map(([type, operation, bytes]) => [type, { operation, bytes }]));
}

/** Thread-local offsets (DTPOFF, DTPREL, LDO) count from the start of the module's TLS block: S + A. */
export const RELOCATION_RULES: ReadonlyMap<number, RelocationRules> = new Map([
  [
    EM.I386,
    rules(
      [0, NONE, 0], // R_386_NONE
      [1, ABSOLUTE, 4], // R_386_32
      [2, RELATIVE, 4], // R_386_PC32
      [20, ABSOLUTE, 2], // R_386_16
      [22, ABSOLUTE, 1], // R_386_8
      [32, ABSOLUTE, 4], // R_386_TLS_LDO_32
    ),
  ],
  [
    EM.X86_64,
    rules(
      [0, NONE, 0], // R_X86_64_NONE
      [1, ABSOLUTE, 8], // R_X86_64_64
      [2, RELATIVE, 4], // R_X86_64_PC32
      [10, ABSOLUTE, 4], // R_X86_64_32
      [11, ABSOLUTE, 4], // R_X86_64_32S
      [12, ABSOLUTE, 2], // R_X86_64_16
      [14, ABSOLUTE, 1], // R_X86_64_8
      [17, ABSOLUTE, 8], // R_X86_64_DTPOFF64
      [21, ABSOLUTE, 4], // R_X86_64_DTPOFF32
      [24, RELATIVE, 8], // R_X86_64_PC64
    ),
  ],
  [
    EM.ARM,
    rules(
      [0, NONE, 0], // R_ARM_NONE
      [2, ABSOLUTE, 4], // R_ARM_ABS32
      [3, RELATIVE, 4], // R_ARM_REL32
      [5, ABSOLUTE, 2], // R_ARM_ABS16
      [8, ABSOLUTE, 1], // R_ARM_ABS8
      [106, ABSOLUTE, 4], // R_ARM_TLS_LDO32
    ),
  ],
  [
    EM.AARCH64,
    rules(
      [0, NONE, 0], // R_AARCH64_NONE
      [256, NONE, 0], // withdrawn R_AARCH64_NONE
      [257, ABSOLUTE, 8], // R_AARCH64_ABS64
      [258, ABSOLUTE, 4], // R_AARCH64_ABS32
      [259, ABSOLUTE, 2], // R_AARCH64_ABS16
      [260, RELATIVE, 8], // R_AARCH64_PREL64
      [261, RELATIVE, 4], // R_AARCH64_PREL32
    ),
  ],
  [
    EM.S390,
    rules(
      [0, NONE, 0], // R_390_NONE
      [1, ABSOLUTE, 1], // R_390_8
      [3, ABSOLUTE, 2], // R_390_16
      [4, ABSOLUTE, 4], // R_390_32
      [5, RELATIVE, 4], // R_390_PC32
      [22, ABSOLUTE, 8], // R_390_64
      [23, RELATIVE, 8], // R_390_PC64
      [52, ABSOLUTE, 4], // R_390_TLS_LDO32
      [53, ABSOLUTE, 8], // R_390_TLS_LDO64
    ),
  ],
  [
    EM.PPC,
    rules(
      [0, NONE, 0], // R_PPC_NONE
      [1, ABSOLUTE, 4], // R_PPC_ADDR32
      [3, ABSOLUTE, 2], // R_PPC_ADDR16
      [24, ABSOLUTE, 4], // R_PPC_UADDR32
      [25, ABSOLUTE, 2], // R_PPC_UADDR16
      [26, RELATIVE, 4], // R_PPC_REL32
      [78, ABSOLUTE, 4], // R_PPC_DTPREL32
    ),
  ],
  [
    EM.PPC64,
    rules(
      [0, NONE, 0], // R_PPC64_NONE
      [1, ABSOLUTE, 4], // R_PPC64_ADDR32
      [3, ABSOLUTE, 2], // R_PPC64_ADDR16
      [24, ABSOLUTE, 4], // R_PPC64_UADDR32
      [25, ABSOLUTE, 2], // R_PPC64_UADDR16
      [26, RELATIVE, 4], // R_PPC64_REL32
      [38, ABSOLUTE, 8], // R_PPC64_ADDR64
      [43, ABSOLUTE, 8], // R_PPC64_UADDR64
      [44, RELATIVE, 8], // R_PPC64_REL64
      [78, ABSOLUTE, 8], // R_PPC64_DTPREL64
    ),
  ],
  [
    EM.MIPS,
    rules(
      [0, NONE, 0], // R_MIPS_NONE
      [2, ABSOLUTE, 4], // R_MIPS_32
      [18, ABSOLUTE, 8], // R_MIPS_64
      [39, ABSOLUTE, 4], // R_MIPS_TLS_DTPREL32
      [41, ABSOLUTE, 8], // R_MIPS_TLS_DTPREL64
      [248, RELATIVE, 4], // R_MIPS_PC32
    ),
  ],
  [
    EM.RISCV,
    // The linker may shorten code, so distances stay pairs: add one label's address, subtract the other's.
    rules(
      [0, NONE, 0], // R_RISCV_NONE
      [1, ABSOLUTE, 4], // R_RISCV_32
      [2, ABSOLUTE, 8], // R_RISCV_64
      [8, ABSOLUTE, 4], // R_RISCV_TLS_DTPREL32
      [9, ABSOLUTE, 8], // R_RISCV_TLS_DTPREL64
      [33, ADD, 1], // R_RISCV_ADD8
      [34, ADD, 2], // R_RISCV_ADD16
      [35, ADD, 4], // R_RISCV_ADD32
      [36, ADD, 8], // R_RISCV_ADD64
      [37, SUBTRACT, 1], // R_RISCV_SUB8
      [38, SUBTRACT, 2], // R_RISCV_SUB16
      [39, SUBTRACT, 4], // R_RISCV_SUB32
      [40, SUBTRACT, 8], // R_RISCV_SUB64
      [51, NONE, 0], // R_RISCV_RELAX
      [54, ABSOLUTE, 1], // R_RISCV_SET8
      [55, ABSOLUTE, 2], // R_RISCV_SET16
      [56, ABSOLUTE, 4], // R_RISCV_SET32
      [57, RELATIVE, 4], // R_RISCV_32_PCREL
      [60, SET_ULEB128, 0], // R_RISCV_SET_ULEB128
      [61, SUBTRACT_ULEB128, 0], // R_RISCV_SUB_ULEB128
    ),
  ],
  [
    EM.BPF,
    rules(
      [0, NONE, 0], // R_BPF_NONE
      [2, ABSOLUTE, 8], // R_BPF_64_ABS64
      [3, ABSOLUTE, 4], // R_BPF_64_ABS32
      [4, ABSOLUTE, 4], // R_BPF_64_NODYLD32
    ),
  ],
]);
