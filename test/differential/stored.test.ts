/** Our converter beside paholes that CI has not: their output is stored (see test/fixtures/make-pahole-fixtures.mts). */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { decodeBtf } from '../../btf/index.ts';
import { convertBytes } from '../support/conversion.ts';
import { expectSameBytes } from '../support/expect-btf.ts';

const FOLDER = fileURLToPath(new URL('../fixtures/pahole-1.30/', import.meta.url));

function stored(name: string): Uint8Array {
  return gunzipSync(readFileSync(`${FOLDER}${name}`));
}

const NAMES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.elf.gz'))
  .map((file) => file.slice(0, -'.elf.gz'.length));

it('there are some', () => {
  expect(NAMES.length).toBeGreaterThan(5);
});

it.each(NAMES)('pahole 1.30: %s', (name) => {
  const theirs = stored(`${name}.btf.gz`);
  expect(decodeBtf(theirs).typeCount).toBeGreaterThan(30);
  expectSameBytes(convertBytes(stored(`${name}.elf.gz`), 'pahole-1.30'), theirs);
});
