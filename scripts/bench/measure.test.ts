import { describe, expect, it } from 'vitest';
import { needsTool } from '../../test/support/tools.ts';
import { measure } from './measure.ts';

const { signal } = new AbortController();
const node = (script: string): string[] => [process.execPath, '-e', script];

describe.skipIf(needsTool('python3'))('measure', () => {
  it('counts time, CPU of all threads, and the peak of memory', async () => {
    const idle = await measure(node('setTimeout(() => {}, 300)'), signal);
    expect(idle.wallSeconds).toBeGreaterThan(0.3);
    expect(idle.cpuSeconds).toBeLessThan(idle.wallSeconds);
    const busy = await measure(
      node('const end = process.cpuUsage().user + 3e5; while (process.cpuUsage().user < end);'),
      signal,
    );
    expect(busy.cpuSeconds).toBeGreaterThan(0.3);
    const large = await measure(node('Buffer.alloc(200e6, 1)'), signal);
    expect(large.peakBytes - idle.peakBytes).toBeGreaterThan(180e6);
    expect(large.peakBytes).toBeLessThan(500e6);
  });

  it('says what went wrong', async () => {
    await expect(measure(node('console.error("no luck"); process.exit(3)'), signal)).rejects.toMatchObject({
      code: 'tool-failed',
      message: expect.stringMatching(/ended with 3: no luck/u) as string,
    });
    await expect(measure(['/no/such/program'], signal)).rejects.toMatchObject({ code: 'tool-failed' });
    await expect(measure(node(''), AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
  });
});
