import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createHttpClient, type HttpClient, type HttpClientOptions } from './client.ts';

const never = new AbortController().signal;

async function startServer(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function client(options: HttpClientOptions = {}): HttpClient {
  const made = createHttpClient({ backoffBaseMs: 5, maxAttempts: 3, stallTimeoutMs: 10_000, ...options });
  onTestFinished(() => made.close());
  return made;
}

async function get(
  http: HttpClient,
  url: string,
): Promise<{ statusCode: number; text: string; url: string }> {
  const response = await http.request(url, { signal: never });
  const chunks: Buffer[] = [];
  for await (const chunk of response.body) chunks.push(chunk as Buffer);
  return { statusCode: response.statusCode, text: Buffer.concat(chunks).toString(), url: response.url };
}

describe('proxies of the options', () => {
  /** What the proxy is asked for. */
  async function proxied(proxies: HttpClientOptions['proxies']): Promise<string[]> {
    const asked: string[] = [];
    const url = await startServer((request, response) => {
      asked.push(request.url ?? '');
      response.end('from the proxy');
    });
    const http = client({ proxies: { ...proxies, http: url } });
    await get(http, `${await startServer((_request, response) => response.end('direct'))}/x`);
    return asked;
  }

  beforeEach(() => {
    for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY']) {
      vi.stubEnv(name, undefined);
    }
  });

  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test('count where the environment names none', async () => {
    expect(await proxied({})).toEqual([expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/x$/u)]);
    expect(await proxied({ no: '127.0.0.1' })).toEqual([]);
  });

  test('are a usage error in the environment when they are none, without their password', () => {
    vi.stubEnv('https_proxy', 'user:secret@proxy:3128');
    expect(() => client()).toThrow(/^https_proxy: is no http\(s\) URL of a proxy/u);
  });

  test('give way to the environment', async () => {
    vi.stubEnv('no_proxy', '127.0.0.1');
    expect(await proxied({ no: 'elsewhere.test' })).toEqual([]);
    vi.stubEnv('no_proxy', '');
    const other = await startServer((_request, response) => response.end('other'));
    vi.stubEnv('http_proxy', other);
    expect(await proxied({})).toEqual([]);
  });
});

describe('answers', () => {
  test('body, headers and the asked headers, with an identifying User-Agent', async () => {
    let seen: IncomingMessage['headers'] = {};
    const url = await startServer((request, response) => {
      seen = request.headers;
      response.writeHead(200, { ETag: '"a"' }).end('hello');
    });
    const response = await client().request(url, { headers: { 'if-none-match': '"x"' }, signal: never });
    expect(response.headers['etag']).toBe('"a"');
    expect((await response.body.toArray()).join('')).toBe('hello');
    expect(seen).toMatchObject({ 'if-none-match': '"x"', 'user-agent': expect.stringContaining('btfmill') });
  });

  test.each([206, 304, 404, 410, 412, 416])('%i is the caller’s to judge, at the first try', async (code) => {
    let requests = 0;
    const url = await startServer((_request, response) => {
      requests += 1;
      response.writeHead(code).end();
    });
    expect((await get(client(), url)).statusCode).toBe(code);
    expect(requests).toBe(1);
  });
});

describe('refusals and retries', () => {
  test.each([
    [401, 'http-refused', 1],
    [403, 'http-refused', 1],
    [429, 'http-refused', 3],
    [500, 'http-status', 3],
    [503, 'http-status', 3],
    [501, 'http-status', 1],
  ])('%i → %s after %i tries', async (code, errorCode, tries) => {
    let requests = 0;
    const url = await startServer((_request, response) => {
      requests += 1;
      response.writeHead(code).end();
    });
    await expect(get(client(), url)).rejects.toMatchObject({ code: errorCode });
    expect(requests).toBe(tries);
  });

  test('a request may ask for fewer tries than the client makes', async () => {
    let requests = 0;
    const url = await startServer((_request, response) => {
      requests += 1;
      response.writeHead(503).end();
    });
    const request = client().request(url, { signal: new AbortController().signal, maxAttempts: 2 });
    await expect(request).rejects.toMatchObject({ code: 'http-status' });
    expect(requests).toBe(2);
  });

  test('a 503 that passes is not noticed', async () => {
    let requests = 0;
    const url = await startServer((_request, response) => {
      requests += 1;
      response.writeHead(requests < 3 ? 503 : 200).end('late');
    });
    expect((await get(client(), url)).text).toBe('late');
  });

  test('Retry-After is waited for', async () => {
    const times: number[] = [];
    const url = await startServer((_request, response) => {
      times.push(Date.now());
      if (times.length === 1) response.writeHead(429, { 'Retry-After': '1' }).end();
      else response.end('ok');
    });
    expect((await get(client(), url)).text).toBe('ok');
    expect(times[1] - times[0]).toBeGreaterThanOrEqual(990);
  });

  test('a Retry-After of hours ends the tries', async () => {
    let requests = 0;
    const url = await startServer((_request, response) => {
      requests += 1;
      response.writeHead(503, { 'Retry-After': '7200' }).end();
    });
    await expect(get(client(), url)).rejects.toMatchObject({ code: 'http-status' });
    expect(requests).toBe(1);
  });

  test('a connection that is dropped before the headers is tried again', async () => {
    let requests = 0;
    const url = await startServer((request, response) => {
      requests += 1;
      if (requests < 3) request.socket.destroy();
      else response.end('ok');
    });
    expect((await get(client(), url)).text).toBe('ok');
  });

  test('nobody listens → http-unreachable', async () => {
    const dead = createServer();
    await new Promise<void>((resolve) => {
      dead.listen(0, '127.0.0.1', resolve);
    });
    const free = (dead.address() as AddressInfo).port;
    await new Promise((resolve) => {
      dead.close(resolve);
    });
    await expect(get(client(), `http://127.0.0.1:${free}/`)).rejects.toMatchObject({
      code: 'http-unreachable',
      exitCode: 4,
    });
  });

  test('a name that does not exist → http-unreachable, without retries', async () => {
    const started = Date.now();
    await expect(get(client({ backoffBaseMs: 60_000 }), 'http://mirror.invalid/')).rejects.toMatchObject({
      code: 'http-unreachable',
    });
    expect(Date.now() - started).toBeLessThan(30_000);
  });
});

describe('redirects', () => {
  test('are followed, also relative ones; the last address is told', async () => {
    const url = await startServer((request, response) => {
      if (request.url === '/a') response.writeHead(302, { Location: '/b?x=1' }).end('moved');
      else response.end(request.url);
    });
    expect(await get(client(), `${url}/a`)).toEqual({ statusCode: 200, text: '/b?x=1', url: `${url}/b?x=1` });
  });

  test('to another host keeps the Range', async () => {
    const target = await startServer((request, response) => response.end(request.headers.range));
    const url = await startServer((_request, response) =>
      response.writeHead(307, { Location: target }).end(),
    );
    const response = await client().request(url, { headers: { range: 'bytes=5-' }, signal: never });
    expect((await response.body.toArray()).join('')).toBe('bytes=5-');
  });

  test.each([
    ['a circle', '/'],
    ['no http', 'ftp://127.0.0.1/'],
    ['a file', 'file:///etc/passwd'],
    ['no address', 'http://'],
  ])('%s → http-redirect', async (_name, location) => {
    const url = await startServer((_request, response) =>
      response.writeHead(301, { Location: location }).end(),
    );
    await expect(get(client(), url)).rejects.toMatchObject({ code: 'http-redirect' });
  });

  test('without a Location → http-redirect', async () => {
    const url = await startServer((_request, response) => response.writeHead(302).end());
    await expect(get(client(), url)).rejects.toMatchObject({ code: 'http-redirect' });
  });
});

describe('silence and cuts', () => {
  test('no headers → http-stalled', async () => {
    const url = await startServer(() => undefined);
    await expect(get(client({ stallTimeoutMs: 100, maxAttempts: 1 }), url)).rejects.toMatchObject({
      code: 'http-stalled',
    });
  });

  test('a body that stops coming → http-stalled', async () => {
    const url = await startServer((_request, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('some');
    });
    await expect(get(client({ stallTimeoutMs: 100 }), url)).rejects.toMatchObject({ code: 'http-stalled' });
  });

  test('a body that comes byte by byte, without an end → http-stalled', async () => {
    const url = await startServer((_request, response) => {
      response.writeHead(200, { 'Content-Length': '1000000' });
      const dripping = setInterval(() => response.write('x'), 20);
      response.once('close', () => clearInterval(dripping));
    });
    const response = get(client({ stallTimeoutMs: 100 }), url);
    await expect(response).rejects.toMatchObject({
      code: 'http-stalled',
      message: expect.stringMatching(/: no more than \d+ bytes in 1 s$/u),
    });
  });

  test('a server that closes the connection behind the body does not hurt a reader that comes late', async () => {
    // As much as undici itself buffers: its parser then waits with nothing left to come.
    const sent = Buffer.alloc(64 * 1024, 'x');
    const url = await startServer((_request, response) => {
      response.writeHead(200, { connection: 'close', 'content-length': sent.length }).end(sent);
    });
    const response = await client().request(url, { signal: never });
    await sleep(300);
    const chunks: Buffer[] = [];
    for await (const chunk of response.body) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
  });

  test('a reader that takes its time is no stall', async () => {
    const size = 8 * 1024 * 1024;
    const url = await startServer((_request, response) => response.end(Buffer.alloc(size)));
    const response = await client({ stallTimeoutMs: 1200 }).request(url, { signal: never });
    let length = 0;
    let isFirst = true;
    for await (const chunk of response.body) {
      if (isFirst) await sleep(2500);
      isFirst = false;
      length += (chunk as Buffer).length;
    }
    expect(length).toBe(size);
  });

  test.each([
    ['Content-Length', { 'Content-Length': '100' }],
    ['chunked', {}],
  ])('a %s body that is cut → http-truncated', async (_name, headers) => {
    const url = await startServer((request, response) => {
      response.writeHead(200, headers);
      response.write('some');
      setTimeout(() => request.socket.destroy(), 30);
    });
    await expect(get(client(), url)).rejects.toMatchObject({ code: 'http-truncated' });
  });

  test('an abort while waiting and while reading → aborted', async () => {
    const silent = await startServer(() => undefined);
    const waiting = client().request(silent, { signal: AbortSignal.timeout(50) });
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });

    const url = await startServer((_request, response) => {
      response.writeHead(200);
      response.write('some');
    });
    const controller = new AbortController();
    const response = await client().request(url, { signal: controller.signal });
    setTimeout(() => controller.abort(), 30);
    await expect(response.body.toArray()).rejects.toMatchObject({ code: 'aborted' });
  });

  test('an abort ends the wait between tries', async () => {
    const url = await startServer((_request, response) => response.writeHead(503).end());
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const started = Date.now();
    await expect(
      client({ backoffBaseMs: 20_000 }).request(url, { signal: controller.signal }),
    ).rejects.toMatchObject({ code: 'aborted' });
    expect(Date.now() - started).toBeLessThan(5000);
  });

  test('a body that nobody reads gives its connection back when destroyed', async () => {
    const url = await startServer((_request, response) => response.end(Buffer.alloc(4 * 1024 * 1024)));
    const http = client({ connectionsPerHost: 1 });
    for (let round = 0; round < 3; round += 1) {
      const response = await http.request(url, { signal: never });
      response.body.destroy();
    }
    expect((await get(http, url)).text).toHaveLength(4 * 1024 * 1024);
  });
});

test('at most so many connections to one host', async () => {
  let open = 0;
  let most = 0;
  const url = await startServer((_request, response) => {
    open += 1;
    most = Math.max(most, open);
    setTimeout(() => {
      open -= 1;
      response.end('ok');
    }, 30);
  });
  const http = client({ connectionsPerHost: 2 });
  await Promise.all(Array.from({ length: 8 }, () => get(http, url)));
  expect(most).toBe(2);
});

test('a proxy from the environment is used for plain http', async () => {
  const proxy = await startServer((request, response) => response.end(`proxied ${request.url}`));
  const before = process.env['http_proxy'];
  process.env['http_proxy'] = proxy;
  onTestFinished(() => {
    if (before === undefined) delete process.env['http_proxy'];
    else process.env['http_proxy'] = before;
  });
  expect((await get(client(), 'http://mirror.invalid/x')).text).toBe('proxied http://mirror.invalid/x');
});

test('a proxy that hangs up on CONNECT is asked a few times, and not for ever', async () => {
  let asked = 0;
  const server = createServer();
  server.on('connect', (_request, socket) => {
    asked += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  vi.stubEnv('https_proxy', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('no_proxy', '');
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  await expect(get(client(), 'https://mirror.invalid/x')).rejects.toMatchObject({
    code: 'http-unreachable',
    retryable: true,
  });
  expect(asked).toBe(3);
});
