/** The error of a damaged container, with the place where it shows. */

import { BtfmillError } from '../../errors/index.ts';

/**
 * `package-malformed`, printed as `ar data.tar.xz+0x44: bad header`. `part` is the container's format and, where
 * there is one, the member; `offset` counts from that part's start.
 */
export function malformed(
  part: string,
  offset: number | undefined,
  what: string,
  cause?: unknown,
): BtfmillError {
  const place = offset === undefined ? '' : `+0x${offset.toString(16)}`;
  return new BtfmillError(
    'package-malformed',
    `${part}${place}: ${what}`,
    cause === undefined ? {} : { cause },
  );
}
