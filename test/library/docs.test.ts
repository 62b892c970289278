/** Whoever uses a library reads its comments in the editor: every export has one. */

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Exported {
  readonly name: string;
  readonly file: string;
}

/** What an index.ts exports, and the file that defines it. */
function exportsOf(library: string): Exported[] {
  const index = readFileSync(join(ROOT, library, 'index.ts'), 'utf8');
  const found: Exported[] = [];
  for (const [, names, from] of index.matchAll(/export (?:type )?(\*|\{[^}]*\}) from '([^']+)'/gu)) {
    const file = join(library, from);
    const source = readFileSync(join(ROOT, file), 'utf8');
    const list =
      names === '*'
        ? [...source.matchAll(/^export (?:const|type|interface|function|class) (\w+)/gmu)].map(
            ([, name]) => name,
          )
        : names.replaceAll(/[{}\s]|\btype\b/gu, '').split(',');
    for (const name of list) if (name !== '') found.push({ name, file });
  }
  return found;
}

/** The comment in front of a definition, wherever the file re-exports it from. */
function commentOf({ name, file }: Exported): string {
  const source = readFileSync(join(ROOT, file), 'utf8');
  const definition = new RegExp(
    `^export (?:declare )?(?:abstract )?(?:const|type|interface|function|async function|class) ${name}\\b`,
    'mu',
  ).exec(source);
  if (definition === null) {
    const again = new RegExp(`export (?:type )?\\{[^}]*\\b${name}\\b[^}]*\\} from '([^']+)'`, 'u').exec(
      source,
    );
    if (again === null) throw new Error(`${file} does not define ${name}`);
    return commentOf({ name, file: join(dirname(file), again[1]) });
  }
  const before = source.slice(0, definition.index).trimEnd();
  return before.endsWith('*/') ? before.slice(before.lastIndexOf('/**')) : '';
}

describe.each(['elf', 'dwarf', 'btf'])('btfmill/%s', (library) => {
  it('says of every export what it is', () => {
    const all = exportsOf(library);
    expect(all.length).toBeGreaterThan(8);
    expect(all.filter((one) => commentOf(one) === '').map(({ name, file }) => `${name} in ${file}`)).toEqual(
      [],
    );
  });
});
