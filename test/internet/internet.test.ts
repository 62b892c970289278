/** The local internet, seen by btfmill's client in this process and by other programs' clients outside it. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HttpClient } from '../../crawlers/http/client.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { type Internet, INTERNET_TOOLS, startInternet } from './internet.ts';

const SECURE = 'https://dl.fedoraproject.org/pub/file';
const PLAIN = 'http://ddebs.ubuntu.com/pub/file';
const CONTENT = 'abcdefghij'.repeat(1000);
const { signal } = new AbortController();

/** Reads an address with Node's own fetch or http(s), trusting what NODE_EXTRA_CA_CERTS names. */
const OTHER_CLIENT = `
  const { EnvHttpProxyAgent, request } = require('undici');
  request(process.argv[1], { dispatcher: new EnvHttpProxyAgent({ proxyTunnel: false }) })
    .then(async ({ statusCode, body }) => console.log(statusCode, (await body.text()).length))
    .catch((error) => { console.log(error.code); process.exitCode = 1; });
`;

describe.skipIf(needsTool(...INTERNET_TOOLS))('local internet', () => {
  let folder: string;
  let internet: Internet;
  let client: HttpClient;

  beforeAll(async () => {
    folder = await makeTempDir('internet');
    for (const name of ['one', 'two']) {
      await mkdir(join(folder, name, 'pub'), { recursive: true });
      await writeFile(join(folder, name, 'pub/file'), name === 'one' ? CONTENT : 'other');
    }
    internet = await startInternet(join(folder, 'authority'));
    client = internet.createClient({ maxAttempts: 2 });
  });

  beforeEach(() => {
    internet.reset();
    internet.serve('dl.fedoraproject.org', join(folder, 'one'));
    internet.serve('ddebs.ubuntu.com', join(folder, 'one'));
    internet.serve('api.launchpad.net', (url) => {
      if (url.searchParams.get('ws.op') === 'file') return { file: join(folder, 'one/pub/file') };
      if (url.searchParams.has('away')) return { redirect: SECURE };
      if (url.searchParams.has('forbidden')) return { statusCode: 403 };
      return url.searchParams.size > 0 ? { body: `asked ${url.search}` } : undefined;
    });
  });

  afterAll(async () => {
    await client.close();
    await internet.close();
    await removeDir(folder);
  });

  async function get(url: string, headers: Record<string, string> = {}): Promise<[number, string]> {
    const response = await client.request(url, { signal, headers });
    return [response.statusCode, Buffer.concat(await response.body.toArray()).toString()];
  }

  it.each([SECURE, PLAIN])('serves a folder at %s', async (url) => {
    expect(await get(url)).toEqual([200, CONTENT]);
    expect(await get(url, { range: 'bytes=9998-' })).toEqual([206, 'ij']);
    expect((await get(`${url}/none`))[0]).toBe(404);
    const { host } = new URL(url);
    expect(internet.log.map((one) => [one.url, one.statusCode, one.bodyBytes])).toEqual([
      [url, 200, 10_000],
      [url, 206, 2],
      [`${url}/none`, 404, 0],
    ]);
    expect(internet.bytesOf(host)).toBe(10_002);
    expect(internet.bytesOf('archives.fedoraproject.org')).toBe(0);
  });

  it('answers conditional requests', async () => {
    const first = await client.request(SECURE, { signal });
    await first.body.toArray();
    expect(await get(SECURE, { 'if-none-match': String(first.headers.etag) })).toEqual([304, '']);
    expect(await get(SECURE, { 'if-modified-since': String(first.headers['last-modified']) })).toEqual([
      304,
      '',
    ]);
  });

  it('lets a program answer by query', async () => {
    const base = 'https://api.launchpad.net/devel';
    expect(await get(`${base}?x=1`)).toEqual([200, 'asked ?x=1']);
    expect(await get(`${base}?ws.op=file`)).toEqual([200, CONTENT]);
    expect(await get(`${base}?away`)).toEqual([200, CONTENT]);
    expect((await get(base))[0]).toBe(404);
    await expect(get(`${base}?forbidden`)).rejects.toMatchObject({ code: 'http-refused' });
  });

  it.each([
    'https://nowhere.example.org/',
    'http://nowhere.example.org/',
    'https://dl.fedoraproject.org:444/',
  ])('does not answer at %s', async (url) => {
    await expect(get(url)).rejects.toMatchObject({ code: 'http-unreachable' });
  });

  it('unplugs a host under open connections, and plugs it in again with other content', async () => {
    for (const url of [SECURE, PLAIN]) {
      const { hostname } = new URL(url);
      expect(await get(url)).toEqual([200, CONTENT]);
      internet.unplug(hostname);
      await expect(get(url)).rejects.toMatchObject({ code: 'http-unreachable' });
      internet.serve(hostname, join(folder, 'two'));
      expect(await get(url)).toEqual([200, 'other']);
    }
  });

  it('goes wrong by address and count', async () => {
    internet.fail(/fedora.*file$/u, { kind: 'status', statusCode: 404 }, { from: 2, times: 1 });
    internet.fail(/ubuntu/u, { kind: 'flip', offset: 0 });
    expect((await get(SECURE))[0]).toBe(200);
    expect((await get(SECURE))[0]).toBe(404);
    expect((await get(SECURE))[0]).toBe(200);
    expect((await get(PLAIN))[1].slice(0, 3)).toBe('qbc');
  });

  it('cuts, stalls and hangs up under TLS', async () => {
    internet.fail(/file$/u, { kind: 'cut', afterBytes: 100 }, { times: 1 });
    await expect(get(SECURE)).rejects.toMatchObject({ code: 'http-truncated' });
    internet.reset();
    internet.fail(/file$/u, { kind: 'hang-up' }, { times: 2 });
    await expect(get(SECURE)).rejects.toMatchObject({ code: 'http-unreachable' });
    const impatient = internet.createClient({ stallTimeoutMs: 200, maxAttempts: 1 });
    internet.fail(/file$/u, { kind: 'stall', afterBytes: 10 });
    const response = await impatient.request(SECURE, { signal });
    await expect(response.body.toArray()).rejects.toMatchObject({ code: 'http-stalled' });
    await impatient.close();
  });

  it('changes between two requests', async () => {
    internet.before(/file$/u, () => internet.serve('dl.fedoraproject.org', join(folder, 'two')), { from: 2 });
    expect(await get(SECURE)).toEqual([200, CONTENT]);
    expect(await get(SECURE)).toEqual([200, 'other']);
  });

  it('is believed by another process that has its environment, and by no other', async () => {
    const ask = (url: string, env: Readonly<Record<string, string>>) =>
      execa(process.execPath, ['-e', OTHER_CLIENT, url], { env, reject: false });
    for (const url of [SECURE, PLAIN]) {
      expect(await ask(url, internet.env)).toMatchObject({ stdout: '200 10000' });
    }
    const distrustful = await ask(SECURE, { ...internet.env, NODE_EXTRA_CA_CERTS: '' });
    expect(distrustful.stdout).toMatch(/SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE/u);
  });
});
