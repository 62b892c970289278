/**
 * bzip2 decoding without the bzip2 program, by unbzip2-stream: a fallback only.
 *
 * It is five times slower than the program and holds the event loop for up to a second per 900 kB block.
 * It is driven by hand, input chunk by input chunk, because its own stream interface has no back-pressure.
 */

import createDecoder from 'unbzip2-stream';
import { malformed } from './malformed.ts';

/** Yields the decoded bytes of one bzip2 file. Throws `package-malformed` on any damage, truncation included. */
export async function* bunzip2(input: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  const decoder = createDecoder();
  const decoded: Buffer[] = [];
  let failure: Error | undefined;
  decoder.on('data', (block: Buffer) => decoded.push(block));
  decoder.on('error', fail);

  let isEmpty = true;
  for await (const chunk of input) {
    isEmpty = false;
    drive(() => decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)));
    yield* decoded.splice(0);
  }
  // The decoder takes no input at all for an empty file.
  if (isEmpty) throw malformed('bzip2', 0, 'empty');
  drive(() => decoder.end());
  yield* decoded.splice(0);

  function fail(error: unknown): void {
    failure ??= error instanceof Error ? error : new Error(String(error));
  }

  // Damage shows as an 'error' event, or as a TypeError where the decoder reads past its input.
  function drive(step: () => unknown): void {
    try {
      step();
    } catch (error) {
      fail(error);
    }
    if (failure !== undefined) {
      const why = failure instanceof TypeError ? 'the data ends too soon' : failure.message;
      throw malformed('bzip2', undefined, why, failure);
    }
  }
}
