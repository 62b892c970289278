/**
 * A tar stream read member by member with tar-stream, and the question of who failed sorted out: source, reader
 * and consumer each make the others fail as well, and the one that began is the one to report.
 */

import { type Extract, type ExtractEvents, extract } from 'tar-stream';
import { BtfmillError } from '../../errors/index.ts';
import { malformed } from './malformed.ts';

/** One member: a stream of its content (Buffers) with its header. */
export type TarEntry = ExtractEvents['entry'][1];

export interface TarFlow {
  /**
   * The members, to be iterated once. Each must be read to its end (or the loop left): tar-stream waits for ever
   * behind one that is not.
   */
  readonly members: Extract;
  /** Bytes of tar taken from the source so far. */
  readonly bytes: number;
}

/**
 * Feeds `source` to a tar reader while `consume` iterates its members. `consume` may leave its loop early.
 *
 * When this settles, `source` has been closed (its `return()` awaited). A consumer that saw the last member has
 * also seen the source end without error. Throws what the source threw, else what the consumer threw; the tar
 * reader's own complaints become `package-malformed`, and more than `maxBytes` is `package-too-large`.
 */
export async function readTar<T>(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
  consume: (flow: TarFlow) => Promise<T>,
): Promise<T> {
  const members = extract();
  const flow = { members, bytes: 0 };
  let isClosed = false;
  let readerFailure: Error | undefined;
  let sourceFailure: unknown;
  const closed = new Promise<void>((resolve) => {
    members.on('close', () => {
      isClosed = true;
      resolve();
    });
  });
  // Not emitted for a mere destroy(). An iterator may see "Stream was destroyed" in its stead.
  members.on('error', (error) => {
    readerFailure = error;
  });

  const feeding = feed();
  try {
    return await consume(flow);
  } catch (error) {
    await end();
    if (sourceFailure !== undefined) throw sourceFailure;
    if (readerFailure === undefined || error instanceof BtfmillError) throw error;
    throw malformed(
      'deb data.tar',
      flow.bytes,
      `${readerFailure.message} (at or before here)`,
      readerFailure,
    );
  } finally {
    await end();
  }

  async function end(): Promise<void> {
    members.destroy(null);
    await Promise.all([feeding, closed]);
  }

  async function feed(): Promise<void> {
    try {
      for await (const chunk of source) {
        if (isClosed) return;
        flow.bytes += chunk.length;
        if (flow.bytes > maxBytes) throw tooLarge(maxBytes);
        if (!members.write(chunk)) await drained();
      }
      members.end(null);
    } catch (error) {
      sourceFailure = error;
      members.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Also when the reader has closed: there is no 'drain' after that. */
  function drained(): Promise<void> {
    return new Promise((resolve) => {
      if (isClosed) {
        resolve();
        return;
      }
      members.on('drain', goOn);
      members.on('close', goOn);

      function goOn(): void {
        members.off('drain', goOn);
        members.off('close', goOn);
        resolve();
      }
    });
  }
}

function tooLarge(maxBytes: number): BtfmillError {
  return new BtfmillError('package-too-large', `deb data.tar: unpacks to more than ${maxBytes} bytes`);
}
