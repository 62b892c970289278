/** ELF constants (System V gABI chapters 4 and 5; names as in `elf.h`). */

export const ELFCLASS32 = 1;
export const ELFCLASS64 = 2;
export const ELFDATA2LSB = 1;
export const ELFDATA2MSB = 2;

export const ET_REL = 1;

export const SHT_PROGBITS = 1;
export const SHT_SYMTAB = 2;
export const SHT_STRTAB = 3;
export const SHT_RELA = 4;
export const SHT_NOTE = 7;
export const SHT_NOBITS = 8;
export const SHT_REL = 9;
export const SHT_SYMTAB_SHNDX = 18;

export const SHF_ALLOC = 2;
export const SHF_COMPRESSED = 0x800;

export const ELFCOMPRESS_ZLIB = 1;
export const ELFCOMPRESS_ZSTD = 2;

export const SHN_LORESERVE = 0xff00;
export const SHN_XINDEX = 0xffff;

export const STT_OBJECT = 1;
export const STT_FUNC = 2;

export const NT_GNU_BUILD_ID = 3;

/** Machines whose relocations or calling conventions are known (gABI registry of e_machine). */
export const EM = {
  SPARC: 2,
  I386: 3,
  MIPS: 8,
  PPC: 20,
  PPC64: 21,
  S390: 22,
  ARM: 40,
  SPARCV9: 43,
  ARC: 45,
  X86_64: 62,
  AARCH64: 183,
  RISCV: 243,
  BPF: 247,
} as const;
