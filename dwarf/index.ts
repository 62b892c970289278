/** DWARF to BTF: `convertDwarf(openElf(source))`. Pure: bytes in, values out. */

export { assembleBtf } from './assemble.ts';
export { type Collection, Collector } from './collect.ts';
export {
  type ConversionInput,
  type ConversionStats,
  collectAll,
  collectJoined,
  collectRange,
  convertDwarf,
  hasDwarf,
  joinUnits,
  kindCountsByName,
  readConversionInput,
} from './convert.ts';
export { LinkedUnits } from './linked-units.ts';
export { type SupplementLink, readSupplementLink } from './supplement.ts';
export { DEFAULT_PROFILE, PROFILES, type Profile, type ProfileName, type VariableRules } from './profile.ts';
export { type DwarfSections, type UnitHeader, readUnitHeaders } from './sections.ts';
