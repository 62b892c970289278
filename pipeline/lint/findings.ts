/** What an archive's linter can find, and how bad it is. */

/**
 * `error`: a program that reads the archive gets nothing, or something wrong. `layout`: it gets the right BTF, but the
 * file is not the one that the layout asks for, so that two archives of the same kernels differ.
 */
export type Severity = 'error' | 'layout';

export const FINDINGS = {
  'bad-name': 'error',
  'empty-file': 'error',
  'not-a-file': 'error',
  'too-large': 'error',
  'not-xz': 'error',
  'broken-xz': 'error',
  'broken-tar': 'error',
  'no-member': 'error',
  'several-members': 'error',
  'member-type': 'error',
  'member-prefix': 'error',
  'member-name': 'error',
  'no-btf': 'error',
  'broken-btf': 'error',
  'digest-differs': 'error',
  'size-differs': 'error',
  'btf-differs': 'error',
  'broken-index': 'error',
  'bad-signature': 'error',
  missing: 'error',
  unknown: 'error',
  'member-mode': 'layout',
  'member-owner': 'layout',
  'member-time': 'layout',
  'file-mode': 'layout',
  'same-file': 'layout',
  'stray-file': 'layout',
  'stray-folder': 'layout',
} as const satisfies Record<string, Severity>;

export type FindingKind = keyof typeof FINDINGS;

export interface Finding {
  readonly kind: FindingKind;
  /** Relative to the archive, with `/`. */
  readonly path: string;
  readonly message: string;
}
