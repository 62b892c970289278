import { expect, it } from 'vitest';
import { FormatError } from './format-error.ts';

it.each([
  [{ format: 'dwarf', section: '.debug_info', offset: 0x1a2b }, 'dwarf .debug_info+0x1a2b: bad'],
  [{ format: 'elf', offset: 16 }, 'elf+0x10: bad'],
  // A hostile file's section need not have a name.
  [{ format: 'elf', section: '' }, 'elf: bad'],
])('%j prints as %s', (location, message) => {
  expect(new FormatError('elf-malformed', location, 'bad').message).toBe(message);
});
