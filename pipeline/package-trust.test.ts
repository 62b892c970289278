import { describe, expect, it } from 'vitest';
import type { IndexTrust } from '../crawlers/types.ts';
import { debugPackage } from '../test/support/debug-package.ts';
import { trustPackage } from './package-trust.ts';
import type { VerifiedPackage } from './types.ts';

const SIGNER = '99DB70FAE1D7CE227FB6488205B555B38483C65D';

function signedPackage(trust: IndexTrust) {
  return debugPackage('6.5.6-300.fc39.x86_64', {
    format: 'rpm',
    trust,
    signature: { keyrings: ['fedora.pgp'], allowWeak: false },
  });
}

function signed(covers: VerifiedPackage['covers']): () => Promise<VerifiedPackage> {
  return () => Promise.resolve({ covers, signer: SIGNER });
}

function unwanted(): Promise<never> {
  return Promise.reject(new Error('nobody asked for a signature'));
}

const refused = expect.objectContaining({ code: 'package-signature' }) as Error;

describe('a package that is signed itself', () => {
  it.each([
    ['signed-index', 'whole', 'signed-index'],
    ['signed-index', 'header', 'signed-index'],
    ['tls-only', 'whole', 'signed-package'],
    ['tls-only', 'header', 'tls-only'],
    ['unanchored', 'whole', 'signed-package'],
  ] as const)('%s index, signature over the %s → %s, and who signed', async (index, covers, trust) => {
    expect(await trustPackage(signedPackage(index), false, signed(covers))).toEqual({
      trust,
      signer: SIGNER,
    });
  });

  it('is refused when nothing vouches for its payload, naming the signer', async () => {
    const result = trustPackage(signedPackage('unanchored'), false, signed('header'));
    await expect(result).rejects.toThrow(refused);
    await expect(result).rejects.toThrow(SIGNER);
  });

  it.each(['signed-index', 'tls-only', 'unanchored'] as const)(
    'has the last word, whatever its %s index says',
    async (index) => {
      const verify = () => Promise.reject(new Error('bad signature'));
      await expect(trustPackage(signedPackage(index), false, verify)).rejects.toThrow('bad signature');
    },
  );

  it.each(['signed-index', 'tls-only', 'unanchored', 'insecure'] as const)(
    'is not looked at with --insecure, and is insecure (%s)',
    async (index) => {
      expect(await trustPackage(signedPackage(index), true, unwanted)).toEqual({ trust: 'insecure' });
    },
  );
});

describe('a package that is not signed itself', () => {
  it.each(['signed-index', 'tls-only', 'insecure'] as const)('rests on its index: %s', async (index) => {
    const pkg = debugPackage('6.1.0-50-amd64', { trust: index });
    expect(await trustPackage(pkg, false, unwanted)).toEqual({ trust: index });
  });

  it('is refused when its index rests on nothing', async () => {
    const pkg = debugPackage('6.1.0-50-amd64', { trust: 'unanchored' });
    await expect(trustPackage(pkg, false, unwanted)).rejects.toThrow(refused);
  });

  it('keeps what its index attained, with --insecure too', async () => {
    const pkg = debugPackage('6.1.0-50-amd64', { trust: 'tls-only' });
    expect(await trustPackage(pkg, true, unwanted)).toEqual({ trust: 'tls-only' });
  });
});
