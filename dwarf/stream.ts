/**
 * Places in the stream of types as pahole makes it before deduplication: unit by unit its types, the stand-in index
 * type, tags of types, functions, variables; at the end functions that waited for all units. Ids and strings follow it.
 */

/** Places within a unit's part of the stream; the types have their numbers. */
export const ORDINAL_INDEX_TYPE = 0x3000_0000;
export const ORDINAL_TYPE_TAGS = 0x3000_0001;
export const ORDINAL_FUNCTIONS = 0x4000_0000;
export const ORDINAL_VARIABLES = 0x8000_0000;
