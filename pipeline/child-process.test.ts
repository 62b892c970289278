import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { throughProcess } from './child-process.ts';

const never = new AbortController().signal;

async function* chunks(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

/** Input without end, slow enough not to fill memory if nobody stops it. */
async function* endless(): AsyncGenerator<Buffer> {
  for (;;) {
    yield Buffer.alloc(64 * 1024, 'x');
    await sleep(1);
  }
}

/** More than pipes hold. */
async function* much(): AsyncGenerator<Buffer> {
  for (let i = 0; i < 100; i++) yield Buffer.alloc(100_000, i);
}

async function* broken(): AsyncGenerator<Buffer> {
  yield Buffer.from('x');
  throw new Error('disk on fire');
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of source) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

function run(
  script: string,
  input: AsyncIterable<Uint8Array> = chunks('in'),
  signal = never,
): AsyncGenerator<Buffer> {
  return throughProcess('sh', ['-c', script], { input, signal, failure: 'package-malformed' });
}

describe('throughProcess', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('hands bytes through and ends after exit code 0', async () => {
    expect(await collect(run('tr a-z A-Z', chunks('one ', 'two')))).toBe('ONE TWO');
  });

  it('keeps output that comes before anybody listens', async () => {
    const output = run('echo early');
    const first = await output.next();
    await sleep(50);
    expect(String(first.value)).toBe('early\n');
    expect(await output.next()).toEqual({ done: true, value: undefined });
  });

  it('carries more than pipes hold in both directions', async () => {
    let total = 0;
    for await (const chunk of run('cat', much())) total += chunk.length;
    expect(total).toBe(10_000_000);
  });

  it('fails after the last byte when the exit code is not 0', async () => {
    const output = run('printf partial; echo "sh: bad data" >&2; exit 3');
    expect(String((await output.next()).value)).toBe('partial');
    await expect(output.next()).rejects.toMatchObject({ code: 'package-malformed', message: 'sh: bad data' });
    await expect(collect(run('exit 9'))).rejects.toThrow('sh exited with 9');
  });

  it('tells a killed program from a failed one', async () => {
    await expect(collect(run('kill -KILL $$'))).rejects.toMatchObject({
      code: 'tool-failed',
      message: 'sh: killed by SIGKILL',
    });
  });

  it('names a missing program', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    const output = throughProcess('xz', [], { input: chunks('x'), signal: never, failure: 'unexpected' });
    await expect(collect(output)).rejects.toMatchObject({ code: 'tool-missing' });
  });

  it('throws the error of its input, not the program’s complaint about the missing rest', async () => {
    await expect(collect(run('cat; exit 1', broken()))).rejects.toThrow('disk on fire');
  });

  it('accepts a program that stops listening and succeeds', async () => {
    expect(await collect(run('head -c 3', endless()))).toBe('xxx');
  });

  it('ends the program when the consumer stops early, and closes the input', async () => {
    let isInputClosed = false;
    async function* input(): AsyncGenerator<Buffer> {
      try {
        yield* endless();
      } finally {
        isInputClosed = true;
      }
    }
    const output = run('echo $$; exec cat', input());
    const pid = Number(String((await output.next()).value).split('\n')[0]);
    expect(() => process.kill(pid, 0)).not.toThrow();
    await output.return(undefined);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await vi.waitFor(() => expect(isInputClosed).toBe(true));
  });

  it('stops on abort', async () => {
    const stop = new AbortController();
    const reading = collect(run('exec cat', endless(), stop.signal));
    setTimeout(() => stop.abort(), 30);
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
  });
});
