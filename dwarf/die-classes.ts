/** What the DIE loop tells DIEs and attributes apart by: a class for each tag that matters, a slot for each attribute. */

/** What the DIE loop does with a DIE; consecutive so that a switch over them is a jump table. */
export const DIE_CLASS = {
  OTHER: 0,
  MEMBER: 1,
  FORMAL_PARAMETER: 2,
  REFERENCE_TYPE: 3,
  COMPOSITE: 4,
  ENUMERATOR: 5,
  VARIABLE: 6,
  SUBROUTINE_TYPE: 7,
  TYPEDEF: 8,
  SUBPROGRAM: 9,
  ARRAY: 10,
  SUBRANGE: 11,
  ENUMERATION: 12,
  BASE_TYPE: 13,
  UNSPECIFIED_TYPE: 14,
  UNSPECIFIED_PARAMETERS: 15,
  UNIT: 16,
  UNENCODABLE_TYPE: 17,
  IMPORTED_UNIT: 18,
  ANNOTATION: 19,
  /** The frequent layouts, see dwarf/plain-shapes.ts; they come last. */
  PLAIN_MEMBER: 20,
  PLAIN_REFERENCE: 21,
  PLAIN_PARAMETER: 22,
  PLAIN_ENUMERATOR: 23,
  PLAIN_BITFIELD: 24,
  PLAIN_COMPOSITE: 25,
  PLAIN_TYPEDEF: 26,
  PLAIN_SUBROUTINE: 27,
  PLAIN_ARRAY: 28,
  PLAIN_SUBRANGE: 29,
} as const;

/** Wanted attributes; each has a place in every shape. */
export const SLOT = {
  NAME: 0,
  /** type; import of an imported unit. */
  TYPE: 1,
  BYTE_SIZE: 2,
  /** data_member_location, location; low_pc of a subprogram. */
  LOCATION: 3,
  /** encoding, const_value, upper_bound, language; inline of a subprogram. */
  VALUE: 4,
  /** count; calling_convention of a subprogram; producer of a unit; alignment of a struct. */
  COUNT: 5,
  DATA_BIT_OFFSET: 6,
  BIT_SIZE: 7,
  BIT_OFFSET: 8,
  DECLARATION: 9,
  EXTERNAL: 10,
  ABSTRACT_ORIGIN: 11,
  /** specification; signature of a type that a type unit holds. */
  SPECIFICATION: 12,
  STR_OFFSETS_BASE: 13,
  ADDR_BASE: 14,
  LOCLISTS_BASE: 15,
  ARTIFICIAL: 16,
  ANNOTATION: 17,
} as const;
export const SLOT_COUNT = 18;
