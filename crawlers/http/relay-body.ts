/** Hands a response body on with its errors translated and, if wanted, its bytes counted. */

import { Readable } from 'node:stream';

/**
 * A stream of the same bytes whose failure is `translate(failure)`. Destroying it gives the connection back at
 * once, also when nothing was read yet.
 *
 * @param onBytes called with the length of each chunk before it is handed on
 */
export function relayBody(
  source: Readable,
  translate: (error: unknown) => Error,
  onBytes?: (length: number) => void,
): Readable {
  // Destroying an unread undici body makes it emit an abort error that concerns nobody.
  source.on('error', ignore);

  async function* relay(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of source) {
        const bytes = chunk as Buffer;
        onBytes?.(bytes.length);
        yield bytes;
      }
    } catch (error) {
      throw translate(error);
    }
  }

  const relayed = Readable.from(relay(), { objectMode: false });
  relayed.once('close', () => source.destroy());
  return relayed;
}

function ignore(): void {}
