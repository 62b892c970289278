/** Whose behaviour a conversion reproduces: rules that differ between pahole versions, as data. */

/** Names of the profiles this version of btfmill knows. */
export type ProfileName = 'pahole-1.24';

export interface Profile {
  readonly name: ProfileName;
  /** Units of these DW_LANG_* are left out (pahole's --lang_exclude). */
  readonly excludedLanguages: readonly number[];
}

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  'pahole-1.24': { name: 'pahole-1.24', excludedLanguages: [0x1c] },
};

export const DEFAULT_PROFILE: ProfileName = 'pahole-1.24';
