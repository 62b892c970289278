import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createHttpClient, type HttpClient } from '../../crawlers/http/client.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { type LoopbackMirror, startLoopbackMirror } from './loopback-mirror.ts';

const { signal } = new AbortController();
let asked: string[];
let upstream: string;
let http: HttpClient;
let mirror: LoopbackMirror;
let close: () => void;

beforeEach(async () => {
  asked = [];
  const server = createServer(({ url }, response) => {
    asked.push(url ?? '');
    if (url === '/main/dists/InRelease' || url === '/sec/a/b.deb') response.end(`the bytes of ${url}`);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  upstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  http = createHttpClient();
  const folder = await tempDirForTest('loopback-mirror');
  mirror = await startLoopbackMirror({
    main: `${upstream}/main`,
    security: `${upstream}/sec`,
    folder,
    http,
    signal,
  });
  close = () => server.close();
});

afterEach(async () => {
  await mirror.close();
  await http.close();
  close();
});

it('asks the mirror once for what many want, and at the same time', async () => {
  const url = `${mirror.base}/dists/InRelease`;
  const texts = await Promise.all([1, 2, 3].map(async () => (await fetch(url)).text()));
  expect(texts).toEqual(Array(3).fill('the bytes of /main/dists/InRelease'));
  expect(asked).toEqual(['/main/dists/InRelease']);
});

it('has the security archive beside it, and says where a file of either is', async () => {
  const url = mirror.urlOf(`${upstream}/sec/a/b.deb`);
  expect(url).toBe(`${mirror.base}-security/a/b.deb`);
  expect(await (await fetch(url)).text()).toBe('the bytes of /sec/a/b.deb');
  expect(() => mirror.urlOf('http://elsewhere.invalid/x')).toThrow(/of neither archive/u);
});

it('what the mirror has not got, or nobody meant, is 404; asked once as well', async () => {
  for (const path of ['/dists/none', '/dists/none', '/../etc/passwd', '-other/x']) {
    expect((await fetch(mirror.base + path)).status).toBe(404);
  }
  expect(asked).toEqual(['/main/dists/none']);
});
