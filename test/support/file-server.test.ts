/** The test server must misbehave exactly as told: its answers are checked with undici alone. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FileServer, startFileServer } from './file-server.ts';
import { makeTempDir, removeDir } from './temp.ts';

describe('file server', () => {
  let root: string;
  let server: FileServer;

  beforeAll(async () => {
    root = await makeTempDir('server');
    await writeFile(join(root, 'file'), 'abcdefghij'.repeat(1000));
    server = await startFileServer(root);
  });

  afterAll(async () => {
    await server.close();
    await removeDir(root);
  });

  async function get(headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
    const response = await request(`${server.url}/file`, { headers });
    return { status: response.statusCode, body: await response.body.text() };
  }

  it('answers conditional and range requests', async () => {
    server.setFault(() => undefined);
    const first = await request(`${server.url}/file`);
    await first.body.dump();
    const etag = String(first.headers.etag);
    expect(await get({ 'if-none-match': etag })).toEqual({ status: 304, body: '' });
    expect(await get({ range: 'bytes=9998-' })).toEqual({ status: 206, body: 'ij' });
    expect(await get({ range: 'bytes=9998-', 'if-range': etag })).toEqual({ status: 206, body: 'ij' });
    expect((await get({ range: 'bytes=9998-', 'if-range': '"other"' })).status).toBe(200);
    expect((await get({ range: 'bytes=10000-' })).status).toBe(416);
    expect((await request(`${server.url}/none`)).statusCode).toBe(404);
  });

  it('cuts, lies about the length and flips bytes', async () => {
    server.setFault(() => ({ kind: 'cut', afterBytes: 100 }));
    await expect(get()).rejects.toThrow();
    server.setFault(() => ({ kind: 'overstate', byBytes: 5 }));
    await expect(get()).rejects.toThrow();
    server.setFault(() => ({ kind: 'truncate', toBytes: 7 }));
    expect(await get()).toEqual({ status: 200, body: 'abcdefg' });
    server.setFault(() => ({ kind: 'flip', offset: 1 }));
    expect((await get()).body.slice(0, 3)).toBe('arc');
  });

  it('stalls until the client gives up, and logs what was sent', async () => {
    server.clear();
    server.setFault((seen) => (seen.attempt === 1 ? { kind: 'stall', afterBytes: 10 } : undefined));
    await expect(
      request(`${server.url}/file`, { bodyTimeout: 200 }).then((response) => response.body.text()),
    ).rejects.toThrow(/timeout/iu);
    expect((await get()).body).toHaveLength(10_000);
    expect(server.log.map((entry) => entry.bodyBytes)).toEqual([10, 10_000]);
  });
});
