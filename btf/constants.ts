/**
 * Numbers of the BPF Type Format, with the kernel's own names.
 * Spec: https://docs.kernel.org/bpf/btf.html and include/uapi/linux/btf.h.
 */

/** First two bytes of every BTF blob, in the blob's own byte order. */
export const BTF_MAGIC = 0xeb9f;
/** The only version of the header there has been. */
export const BTF_VERSION = 1;

/** Bytes of the header that every reader knows; newer writers may append fields (`hdr_len` says how long it is). */
export const BTF_HEADER_BYTES = 24;

/** Header length from which `layout_off` and `layout_len` are present (libbpf 1.8). */
export const BTF_LAYOUT_HEADER_BYTES = 32;

/** Kinds of type records; 0 is the implicit `void`, which has no record. */
export const BTF_KIND = {
  VOID: 0,
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;

/** Name of a kind: `INT`, `PTR` … */
export type BtfKindName = keyof typeof BTF_KIND;

/** Kind name by kind number. */
export const BTF_KIND_NAMES: readonly BtfKindName[] = Object.keys(BTF_KIND) as BtfKindName[];

/** Highest kind this library knows. */
export const BTF_KIND_MAX = BTF_KIND.ENUM64;

/** `encoding` bits of an INT. */
export const BTF_INT_SIGNED = 1;
/** A character; pahole never says so. */
export const BTF_INT_CHAR = 2;
/** A truth value. */
export const BTF_INT_BOOL = 4;

/** Linkage of a FUNC (in its vlen) and of a VAR. */
export const BTF_LINKAGE = { STATIC: 0, GLOBAL: 1, EXTERN: 2 } as const;

/** The kernel refuses string sections and type ids beyond these. */
export const BTF_MAX_NAME_OFFSET = 0xff_ffff;
/** Highest type id that the kernel takes. */
export const BTF_MAX_TYPE_ID = 0xf_ffff;

/** Most entries (members, enumerators, parameters) a record may have before the 2026 format, which widened the field. */
export const BTF_MAX_VLEN = 0xffff;

/** Longest identifier the kernel accepts in a name, without its NUL. */
export const BTF_MAX_NAME_BYTES = 511;

/** Words of 4 bytes that follow the three words of a record, by kind; entries of a list come on top. */
export const BTF_EXTRA_WORDS: readonly number[] = [
  0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0,
];

/** Words of one list entry, by kind; 0 for kinds whose vlen is no list length. */
export const BTF_ENTRY_WORDS: readonly number[] = [
  0, 0, 0, 0, 3, 3, 2, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 3,
];

const KINDS_WITHOUT_TYPE: ReadonlySet<BtfKindName> = new Set<BtfKindName>([
  'VOID',
  'INT',
  'ARRAY',
  'STRUCT',
  'UNION',
  'ENUM',
  'FWD',
  'DATASEC',
  'FLOAT',
  'ENUM64',
]);

/** Whether the record's third word is a type id (true) or a size (false), by kind. */
export const BTF_HAS_TYPE: readonly boolean[] = BTF_KIND_NAMES.map((name) => !KINDS_WITHOUT_TYPE.has(name));
