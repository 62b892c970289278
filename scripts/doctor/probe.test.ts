import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDirForTest } from '../../test/support/temp.ts';
import { probeDisk } from './probe-disk.ts';
import { probeKeyrings } from './probe-keyrings.ts';
import { probeNode, probeSqlite, probeTool } from './probe-programs.ts';
import type { ToolFinding } from './report.ts';
import type { ToolInfo } from './tools.ts';

const missing: ToolFinding = {
  command: 'probe-me',
  need: 'optional',
  neededFor: 'a test',
  withoutIt: 'nothing',
};
const tool: ToolInfo = { ...missing, versionArguments: ['--version'] };

async function folderWithProgram(script: string): Promise<string> {
  const folder = await tempDirForTest();
  const file = path.join(folder, tool.command);
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return folder;
}

describe('probeTool', () => {
  it('finds a program and reads its version from either output', async () => {
    const folder = await folderWithProgram('echo "probe-me 1.2.3" >&2; exit 1');
    const finding = await probeTool(tool, `/nowhere:${folder}`);
    expect(finding).toEqual({ ...missing, path: path.join(folder, 'probe-me'), version: '1.2.3' });
  });

  it('a program that cannot be run is there, without a version', async () => {
    const folder = await folderWithProgram('kill -9 $$');
    expect(await probeTool(tool, folder)).toEqual({ ...missing, path: path.join(folder, 'probe-me') });
  });

  it('neither a folder nor a file without execute permission is a program', async () => {
    const folder = await tempDirForTest();
    await mkdir(path.join(folder, 'a', tool.command), { recursive: true });
    await writeFile(path.join(folder, tool.command), 'text');
    expect(await probeTool(tool, `${folder}/a:${folder}`)).toEqual(missing);
  });
});

describe('probeSqlite and probeNode', () => {
  it('hold for the machine that runs this test', async () => {
    expect(await probeSqlite()).toEqual({ loads: true, version: expect.stringMatching(/^3\./) });
    expect(await probeNode()).toMatchObject({ version: process.versions.node, fits: true });
  });
});

describe('probeKeyrings', () => {
  it('tells keyrings from other files', async () => {
    const folder = await tempDirForTest();
    await mkdir(path.join(folder, 'debian'));
    const write = (name: string, bytes: Uint8Array | string) =>
      writeFile(path.join(folder, 'debian', name), bytes);
    await write('old-format.pgp', Uint8Array.of(0x99, 0x02, 0x0d, 0x04));
    await write('new-format.gpg', Uint8Array.of(0xc6, 0x33, 0x04));
    await write('armored.asc', '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n');
    await write('empty.pgp', '');
    await write('signature.asc', '-----BEGIN PGP SIGNATURE-----\n');
    await write('README.md', 'not a keyring');
    expect(await probeKeyrings(folder)).toEqual([
      {
        distro: 'debian',
        files: ['armored.asc', 'new-format.gpg', 'old-format.pgp'],
        unusable: ['empty.pgp', 'signature.asc'],
      },
    ]);
    expect(await probeKeyrings(path.join(folder, 'absent'))).toEqual([]);
  });
});

describe('probeDisk', () => {
  it('asks the nearest folder that exists', async () => {
    const folder = await tempDirForTest();
    const finding = await probeDisk('cache', path.join(folder, 'not', 'yet', 'there'), 1);
    expect(finding).toMatchObject({
      purpose: 'cache',
      path: path.join(folder, 'not/yet/there'),
      wantedBytes: 1,
    });
    expect(finding.freeBytes).toBeGreaterThan(0);
  });
});
