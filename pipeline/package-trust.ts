/** What a fetched package's content rests on: its index, its own signature, or nothing that would do. */

import type { DebugPackage, TrustLevel } from '../crawlers/types.ts';
import { BtfmillError } from '../errors/index.ts';
import { attainedTrust } from './attained-trust.ts';
import type { VerifiedPackage } from './types.ts';

/** What the record keeps of it. */
export interface PackageTrust {
  readonly trust: TrustLevel;
  /** Fingerprint of the key that signed the package itself. */
  readonly signer?: string;
}

/**
 * Lets `verify` look at the package's own signature where the package must have one; it throws when there is no good
 * one. With `insecure`, nothing is verified, and what would have needed it is `insecure`.
 * @throws BtfmillError `package-signature` also when all of it together vouches for nothing.
 */
export async function trustPackage(
  pkg: DebugPackage,
  insecure: boolean,
  verify: () => Promise<VerifiedPackage>,
): Promise<PackageTrust> {
  const { signature, trust: indexTrust, url } = pkg;
  const mustBeSigned = signature !== undefined || indexTrust === 'unanchored';
  if (indexTrust === 'insecure' || (insecure && mustBeSigned)) return { trust: 'insecure' };
  const verified = signature === undefined ? undefined : await verify();
  const trust = attainedTrust(indexTrust, verified?.covers ?? 'nothing');
  if (trust === undefined) {
    const what =
      verified === undefined
        ? ''
        : ` (its signature by ${verified.signer} covers its header, not its payload)`;
    throw new BtfmillError(
      'package-signature',
      `${url}: nothing that is signed, nor HTTPS, vouches for its content${what}`,
    );
  }
  return { trust, ...(verified === undefined ? {} : { signer: verified.signer }) };
}
