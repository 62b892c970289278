/** Our converter beside paholes that CI has not: their output is stored (see test/fixtures/make-pahole-fixtures.mts). */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeBtf } from '../../btf/index.ts';
import { convertBytes } from '../support/conversion.ts';
import { expectSameBytes } from '../support/expect-btf.ts';

/** What each pahole made, in a folder of its name. */
const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));

describe.each(['pahole-1.30', 'pahole-1.32'] as const)('%s', (profile) => {
  const folder = join(FIXTURES, profile);
  const stored = (name: string): Uint8Array => gunzipSync(readFileSync(join(folder, name)));
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.elf.gz'))
    .map((file) => file.slice(0, -'.elf.gz'.length));

  it('there are some', () => {
    expect(names.length).toBeGreaterThan(4);
  });

  it.each(names)('%s', (name) => {
    const theirs = stored(`${name}.btf.gz`);
    expect(decodeBtf(theirs).typeCount).toBeGreaterThan(30);
    expectSameBytes(convertBytes(stored(`${name}.elf.gz`), profile), theirs);
  });
});
