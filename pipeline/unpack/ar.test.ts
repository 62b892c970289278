import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { tempDirForTest } from '../../test/support/temp.ts';
import { needsTool } from '../../test/support/tools.ts';
import { AR_HEADER_BYTES, AR_MAGIC_BYTES, type ArMember, checkArMagic, decodeArHeader } from './ar.ts';

const HEADER = 'data.tar.xz     1782999999  0     0     100644  281725792 `\n';

function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

describe('decodeArHeader', () => {
  it('reads what dpkg-deb writes', () => {
    expect(decodeArHeader(bytes(HEADER), 68)).toEqual({
      name: 'data.tar.xz',
      sizeBytes: 281_725_792,
      dataOffset: 128,
      nextOffset: 128 + 281_725_792,
    });
  });

  it('pads odd members', () => {
    const member = decodeArHeader(bytes(HEADER.replace('281725792', '7        ')), 0);
    expect(member.nextOffset).toBe(AR_HEADER_BYTES + 8);
  });

  it.each([
    ['short', HEADER.slice(0, 59), /header ends after 59 of 60 bytes/u],
    ['no end mark', HEADER.replace('`', "'"), /without its end mark/u],
    ['size with letters', HEADER.replace('281725792', '28172579x'), /member size "28172579x " is no number/u],
    ['negative size', HEADER.replace('281725792', '-81725792'), /is no number/u],
    ['blank size', HEADER.replace('281725792', '         '), /is no number/u],
    ['blank name', HEADER.replace('data.tar.xz', '           '), /member name ""/u],
    ['path as name', HEADER.replace('data.tar.xz', '../../x.tar'), /member name "\.\.\/\.\.\/x\.tar"/u],
    ['name with NUL', HEADER.replace('data.tar.xz', 'data.tar\0xz'), /member name/u],
    ['GNU symbol table', HEADER.replace('data.tar.xz', '//         '), /member name "\/"/u],
  ])('refuses a header that is %s', (_, text, message) => {
    expect(() => decodeArHeader(bytes(text), 0x44)).toThrow(message);
    expect(() => decodeArHeader(bytes(text), 0x44)).toThrow(/^ar\+0x44: /u);
  });

  it('refuses another magic', () => {
    expect(() => checkArMagic(bytes('!<thin>\n'))).toThrow('not an ar archive');
    expect(() => checkArMagic(bytes('!<ar'))).toThrow('not an ar archive');
  });
});

describe.skipIf(needsTool('ar'))('archives made by ar', () => {
  it('gives the same members', async () => {
    const folder = await tempDirForTest('ar');
    const files = { 'debian-binary': '2.0\n', 'control.tar.gz': 'odd', 'data.tar': 'abcdef' };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    await execa('ar', ['rcS', 'x.deb', ...Object.keys(files)], { cwd: folder });
    const archive = await readFile(join(folder, 'x.deb'));

    checkArMagic(archive);
    const members: ArMember[] = [];
    for (let offset = AR_MAGIC_BYTES; offset < archive.length; offset = members.at(-1)?.nextOffset ?? NaN) {
      members.push(decodeArHeader(archive.subarray(offset, offset + AR_HEADER_BYTES), offset));
    }
    const read = members.map(({ name, dataOffset, sizeBytes }) => [
      name,
      archive.toString('latin1', dataOffset, dataOffset + sizeBytes),
    ]);
    expect(Object.fromEntries(read)).toEqual(files);
    expect(members.at(-1)?.nextOffset).toBe(archive.length);
  });
});
