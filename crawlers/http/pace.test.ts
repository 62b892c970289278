import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { atPace, TooSlow } from './pace.ts';

const MIB = 1024 * 1024;

async function* pour(chunks: number, chunkBytes: number, pauseMs: number): AsyncGenerator<Buffer> {
  for (let index = 0; index < chunks; index += 1) {
    await sleep(pauseMs);
    yield Buffer.alloc(chunkBytes);
  }
}

async function read(source: AsyncIterable<Buffer>, windowMs: number, pauseMs = 0): Promise<number> {
  let bytes = 0;
  for await (const chunk of atPace(source, { windowMs })) {
    bytes += chunk.length;
    if (pauseMs > 0) await sleep(pauseMs);
  }
  return bytes;
}

test('a trickle ends with an error that says how much came', async () => {
  await expect(read(pour(1000, 10, 20), 200)).rejects.toSatisfy(
    (error) => error instanceof TooSlow && /^no more than \d{2,3} bytes in 0 s$/u.test(error.message),
  );
});

test('a body of which a MiB comes in time may take longer than that as a whole', async () => {
  expect(await read(pour(12, MIB / 2, 60), 400)).toBe(6 * MIB);
});

test('a short body may come in pieces', async () => {
  expect(await read(pour(10, 10, 5), 2000)).toBe(100);
});

test('the time of its reader does not count', async () => {
  expect(await read(pour(8, 10, 1), 300, 80)).toBe(80);
});
