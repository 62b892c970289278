import { expect, it } from 'vitest';
import type { DiffEntry, DiffNote } from '../../btf/index.ts';
import { palette } from './color.ts';
import { renderDiff } from './diff-lines.ts';

const changed = { group: 'types', what: 'changed', summary: '' } as const;

function linesOf(entries: readonly DiffEntry[], limit: number): string[] {
  // Counts, an empty line and the heading stand first.
  return renderDiff(entries, limit, palette(false)).trimEnd().split('\n').slice(3);
}

it('shows as many lines of a definition as the limit says, and by which flag there are more', () => {
  const notes = Array.from(
    { length: 25 },
    (_, i): DiffNote => ({ what: 'member-removed', subject: `m${i}`, from: 'int at byte 0' }),
  );
  const entry: DiffEntry = { ...changed, kind: 'STRUCT', name: 's', notes };
  const short = linesOf([entry, { ...entry, name: 't' }], 1);
  expect(short).toEqual([
    '  struct s',
    '    - m0: int at byte 0',
    '      … and 24 more (--limit)',
    '  … and 1 more (--limit)',
  ]);
  expect(linesOf([entry], 25)).toHaveLength(26);
});

it('names a declaration, of whichever it is, so that struct and union are told by what is below', () => {
  const notes: DiffNote[] = [{ what: 'definition', subject: '', from: 'struct s;', to: 'union s;' }];
  expect(linesOf([{ ...changed, kind: 'FWD', name: 's', notes }], 20)).toEqual([
    '  declaration of s',
    '    - struct s;',
    '    + union s;',
  ]);
});
