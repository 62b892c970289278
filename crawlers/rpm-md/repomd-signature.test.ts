/** repomd.xml.asc made by gpg, under each policy. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSigner, type Signer } from '../../test/mirrors/signer.ts';
import { createFakeWeb, type FakeWeb } from '../../test/support/fake-web.ts';
import { makeTempDir, removeDir, tempDirForTest } from '../../test/support/temp.ts';
import { needsTool } from '../../test/support/tools.ts';
import { openRepository, type RepositoryPolicy } from './index.ts';

const REPOMD_URL = 'https://a.example/x/repodata/repomd.xml';
const repomd = (revision: number) => `<repomd><revision>${revision}</revision><data type="primary">
  <checksum type="sha256">${'ab'.repeat(32)}</checksum><location href="repodata/primary.xml.gz"/></data></repomd>`;

describe.skipIf(needsTool('gpg', 'gpgv', 'gpgconf'))('repomd.xml.asc', () => {
  let folder: string;
  let signer: Signer;
  let stranger: Signer;
  const signatures = new Map<string, Buffer>();

  beforeAll(async () => {
    folder = await makeTempDir('repomd-signature');
    signer = await createSigner(join(folder, 'a'));
    stranger = await createSigner(join(folder, 'b'));
    const text = join(folder, 'repomd.xml');
    const output = join(folder, 'repomd.xml.asc');
    for (const [name, who, revision] of [
      ['one', signer, 1],
      ['two', signer, 2],
      ['stranger', stranger, 1],
    ] as const) {
      await writeFile(text, repomd(revision));
      await who.detachSign(text, output);
      signatures.set(name, await readFile(output));
    }
  });

  afterAll(async () => {
    await signer.close();
    await stranger.close();
    await removeDir(folder);
  });

  const setUp = async () => {
    const web = createFakeWeb(await tempDirForTest('signature'));
    web.put(REPOMD_URL, repomd(1));
    return web;
  };
  const sign = (web: FakeWeb, name: string) => web.put(`${REPOMD_URL}.asc`, signatures.get(name) as Buffer);
  const open = (web: FakeWeb, repomdSignature: RepositoryPolicy['repomdSignature'], insecure = false) =>
    openRepository(
      { name: 'debug', anchor: { kind: 'base', url: 'https://a.example/x' } },
      { keyrings: [signer.keyring], repomdSignature, insecure },
      web.context,
    );

  test.each(['required', 'if-present'] as const)(
    '%s: a good one → signed-index, by its signer',
    async (policy) => {
      const web = await setUp();
      sign(web, 'one');
      expect(await open(web, policy)).toMatchObject({
        trust: 'signed-index',
        signer: expect.stringMatching(/^[0-9A-F]{40}$/),
      });
      // The kept copy is judged again.
      sign(web, 'stranger');
      await expect(open(web, policy)).rejects.toMatchObject({ code: 'index-signature' });
    },
  );

  test.each(['required', 'if-present'] as const)('%s: a bad one → index-signature', async (policy) => {
    const web = await setUp();
    for (const name of ['two', 'stranger']) {
      sign(web, name);
      await expect(open(web, policy)).rejects.toMatchObject({ code: 'index-signature', exitCode: 5 });
    }
    web.put(`${REPOMD_URL}.asc`, '<html>');
    await expect(open(web, policy)).rejects.toMatchObject({ code: 'index-signature' });
  });

  test('required: none, or one that is refused → index-signature', async () => {
    const web = await setUp();
    await expect(open(web, 'required')).rejects.toThrow('has no signature beside it');
    web.put(`${REPOMD_URL}.asc`, 403);
    await expect(open(web, 'required')).rejects.toMatchObject({ code: 'index-signature' });
  });

  test('if-present: none, or one that is refused → by its address alone', async () => {
    const web = await setUp();
    expect(await open(web, 'if-present')).toMatchObject({ trust: 'tls-only' });
    web.put(`${REPOMD_URL}.asc`, 403);
    const repository = await open(web, 'if-present');
    expect(repository).toMatchObject({ trust: 'tls-only' });
    expect(repository?.signer).toBeUndefined();
  });

  test('none and insecure do not ask for it', async () => {
    const web = await setUp();
    sign(web, 'stranger');
    expect(await open(web, 'none')).toMatchObject({ trust: 'tls-only' });
    expect(await open(web, 'required', true)).toMatchObject({ trust: 'insecure' });
    expect(web.log.join()).not.toContain('.asc');
  });

  test('repomd.xml that changes before its signature is fetched is read again', async () => {
    const web = await setUp();
    web.put(REPOMD_URL, (attempt) => repomd(attempt));
    sign(web, 'two');
    expect(await open(web, 'required')).toMatchObject({ trust: 'signed-index', repomd: { revision: '2' } });
  });
});
