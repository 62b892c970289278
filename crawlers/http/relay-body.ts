/** Hands a response body on with its errors translated and, if wanted, its bytes counted. */

import { Readable } from 'node:stream';
import { atPace, type Pace } from './pace.ts';

export interface RelayOptions {
  /** Called with the length of each chunk before it is handed on. */
  readonly onBytes?: (length: number) => void;
  /** Below it, the body ends with a failure. */
  readonly pace?: Pace;
}

/**
 * A stream of the same bytes whose failure is `translate(failure)`. Destroying it gives the connection back at
 * once, also when nothing was read yet.
 */
export function relayBody(
  source: Readable,
  translate: (error: unknown) => Error,
  { onBytes, pace }: RelayOptions = {},
): Readable {
  // Destroying an unread undici body makes it emit an abort error that concerns nobody.
  source.on('error', ignore);

  async function* relay(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of pace === undefined ? source : atPace(source, pace)) {
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
