/** Ends a body that comes too slowly to ever be whole: a server that sends a byte now and then is never silent. */

export interface Pace {
  /** Time spent waiting for the body, in which {@link MIN_BYTES} have to come. */
  readonly windowMs: number;
}

/** As much as a download has to gain by one connection to count as going on (pipeline/fetch.ts). */
const MIN_BYTES = 1024 * 1024;

/** Thrown in place of the rest. */
export class TooSlow extends Error {
  override readonly name = 'TooSlow';
}

/** The chunks of `source`. The time that their reader takes does not count. Throws {@link TooSlow}. */
export async function* atPace(source: AsyncIterable<Buffer>, { windowMs }: Pace): AsyncGenerator<Buffer> {
  let waitedMs = 0;
  let bytes = 0;
  let askedAt = performance.now();
  for await (const chunk of source) {
    waitedMs += performance.now() - askedAt;
    bytes += chunk.length;
    if (bytes >= MIN_BYTES) {
      waitedMs = 0;
      bytes = 0;
    } else if (waitedMs > windowMs) {
      throw new TooSlow(`no more than ${bytes} bytes in ${Math.round(waitedMs / 1000)} s`);
    }
    yield chunk;
    askedAt = performance.now();
  }
}
