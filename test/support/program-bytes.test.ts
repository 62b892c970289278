import { describe, expect, it } from 'vitest';
import { programBytes, programBytesSync } from './program-bytes.ts';

describe('what a program writes', () => {
  it.each(['compressed\n', 'text\r\n', '\n', ''])('%j, to its last byte', async (written) => {
    expect(Buffer.from(await programBytes('printf', ['%s', written])).toString()).toBe(written);
    expect(Buffer.from(programBytesSync('cat', [], { input: Buffer.from(written) })).toString()).toBe(
      written,
    );
  });
});
