/** What a published file may claim, from what its package's digest rests on and what the package's own signature covers. */

import type { IndexTrust, TrustLevel } from '../crawlers/types.ts';

/** What a good signature of the package itself covers; a header names the payload's digest since rpm 4.14 only. */
export type SignatureCover = 'nothing' | 'header' | 'whole';

/** Undefined when neither the index nor the package vouches for the package's content. */
export function attainedTrust(index: IndexTrust, cover: SignatureCover): TrustLevel | undefined {
  if (index === 'insecure' || index === 'signed-index') return index;
  if (cover === 'whole') return 'signed-package';
  return index === 'tls-only' ? index : undefined;
}
