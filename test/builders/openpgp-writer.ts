/**
 * OpenPGP keys and signatures made by hand (RFC 9580 §4, §5; version 3 signatures: §5.2.2), for what gpg no longer
 * makes: version 3 signature packets, and keys that vouch for themselves with SHA-1 or not at all.
 */

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { byteWriter, concatBytes } from './byte-writer.ts';

/** OpenPGP numbers of hash algorithms (RFC 9580 §9.5). */
const HASHES = { MD5: 1, SHA1: 2, SHA256: 8, SHA512: 10 } as const;
export type HashName = keyof typeof HASHES;

const RSA = 1;
const PACKET = { signature: 2, publicKey: 6, userId: 13 } as const;

export interface RsaKey {
  /** Upper-case hex, as gpgv prints it. */
  readonly fingerprint: string;
  /** Public key packets, binary: a keyring. */
  readonly keyring: Uint8Array;
  /** A signature packet over `data`, of a binary document. */
  sign(data: Uint8Array, options?: SignOptions): Uint8Array;
}

export interface SignOptions {
  readonly version?: 3 | 4;
  readonly hash?: HashName;
  readonly at?: Date;
}

const BIRTH = new Date('2015-01-01T00:00:00Z');

/** @param selfHash hash of the key's signature over its own user id; `undefined` for a key without one */
export function rsaKey(bits: number, selfHash: HashName | undefined = 'SHA256'): RsaKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  const { n, e } = publicKey.export({ format: 'jwk' });
  const body = concatBytes(
    bigEndian((out) => {
      out.u8(4);
      out.u32(seconds(BIRTH));
      out.u8(RSA);
    }),
    mpi(Buffer.from(n ?? '', 'base64url')),
    mpi(Buffer.from(e ?? '', 'base64url')),
  );
  const hashedKey = concatBytes(
    bigEndian((out) => (out.u8(0x99), out.u16(body.length))),
    body,
  );
  const fingerprint = createHash('sha1').update(hashedKey).digest();
  const keyId = fingerprint.subarray(12);
  const user = new TextEncoder().encode(`key of ${bits} bits <test@example.invalid>`);
  const hashedUser = concatBytes(
    bigEndian((out) => (out.u8(0xb4), out.u32(user.length))),
    user,
  );
  const selfSignature =
    selfHash === undefined
      ? new Uint8Array(0)
      : signV4(privateKey, keyId, concatBytes(hashedKey, hashedUser), {
          type: 0x13,
          hash: selfHash,
          at: BIRTH,
          // Key flags: may certify and sign.
          extra: Uint8Array.of(2, 27, 3),
        });
  return {
    fingerprint: fingerprint.toString('hex').toUpperCase(),
    keyring: concatBytes(packet(PACKET.publicKey, body), packet(PACKET.userId, user), selfSignature),
    sign(data, { version = 4, hash = 'SHA256', at = new Date('2020-01-01T00:00:00Z') } = {}) {
      return version === 3
        ? signV3(privateKey, keyId, data, hash, at)
        : signV4(privateKey, keyId, data, { type: 0, hash, at, extra: new Uint8Array(0) });
    },
  };
}

/**
 * A version 3 signature of now that claims to be by the RSA key with this fingerprint, and is by nobody: what a program says
 * to it shows whether it would have used the key.
 */
export function forgedSignature(fingerprint: string): Uint8Array {
  return packet(
    PACKET.signature,
    concatBytes(
      Uint8Array.of(3, 5, 0),
      bigEndian((out) => out.u32(seconds(new Date()))),
      Buffer.from(fingerprint.slice(-16), 'hex'),
      Uint8Array.of(RSA, HASHES.SHA256, 0, 0),
      mpi(new Uint8Array(256).fill(0x5a)),
    ),
  );
}

function signV3(key: KeyObject, keyId: Uint8Array, data: Uint8Array, hash: HashName, at: Date): Uint8Array {
  const hashedPart = bigEndian((out) => (out.u8(0), out.u32(seconds(at))));
  const signed = concatBytes(data, hashedPart);
  return packet(
    PACKET.signature,
    concatBytes(
      Uint8Array.of(3, hashedPart.length),
      hashedPart,
      keyId,
      Uint8Array.of(RSA, HASHES[hash]),
      digest(hash, signed).subarray(0, 2),
      mpi(sign(hash, signed, key)),
    ),
  );
}

interface V4Options {
  readonly type: number;
  readonly hash: HashName;
  readonly at: Date;
  /** A further hashed subpacket, whole. */
  readonly extra: Uint8Array;
}

function signV4(key: KeyObject, keyId: Uint8Array, data: Uint8Array, options: V4Options): Uint8Array {
  const { type, hash, at, extra } = options;
  const hashedPart = concatBytes(
    bigEndian((out) => {
      for (const byte of [4, type, RSA, HASHES[hash]]) out.u8(byte);
      out.u16(6 + extra.length);
      out.bytes(Uint8Array.of(5, 2));
      out.u32(seconds(at));
    }),
    extra,
  );
  const trailer = bigEndian((out) => (out.u8(4), out.u8(0xff), out.u32(hashedPart.length)));
  const signed = concatBytes(data, hashedPart, trailer);
  return packet(
    PACKET.signature,
    concatBytes(
      hashedPart,
      Uint8Array.of(0, 10, 9, 16),
      keyId,
      digest(hash, signed).subarray(0, 2),
      mpi(sign(hash, signed, key)),
    ),
  );
}

function digest(hash: HashName, data: Uint8Array): Uint8Array {
  return createHash(hash).update(data).digest();
}

/** Old packet format with a two-byte length. */
function packet(tag: number, body: Uint8Array): Uint8Array {
  return concatBytes(
    bigEndian((out) => (out.u8(0x80 | (tag << 2) | 1), out.u16(body.length))),
    body,
  );
}

function mpi(value: Uint8Array): Uint8Array {
  const start = value.findIndex((byte) => byte !== 0);
  const significant = value.subarray(start);
  const bits = significant.length * 8 - Math.clz32(significant[0]) + 24;
  return concatBytes(
    bigEndian((out) => out.u16(bits)),
    significant,
  );
}

function bigEndian(write: (out: ReturnType<typeof byteWriter>) => unknown): Uint8Array {
  const out = byteWriter(false);
  write(out);
  return out.toBytes();
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
