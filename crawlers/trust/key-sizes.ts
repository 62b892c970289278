/** How long the RSA keys of a keyring are: the one thing about a key that gpgv does not say. Pure. */

import { createHash } from 'node:crypto';

/** Packet types (RFC 9580 §5): public key and public subkey. */
const KEY_PACKETS: ReadonlySet<number> = new Set([6, 14]);
/** RSA for everything, for encryption and for signatures (RFC 9580 §9.1). */
const RSA: ReadonlySet<number> = new Set([1, 2, 3]);
/** Version, time and algorithm stand before the modulus. */
const BEFORE_MODULUS_BYTES = 6;
const LENGTH_BYTES = 2;

/**
 * Bits of each RSA key (and subkey) of version 4, by its upper-case fingerprint. Other keys are not in the map; a
 * file that is no row of OpenPGP packets, e.g. a keybox, gives those before the place where it stops to be one.
 */
export function rsaKeyBits(keyring: Uint8Array): Map<string, number> {
  const bits = new Map<string, number>();
  for (const { type, body } of packetsOf(keyring)) {
    const isRsa = KEY_PACKETS.has(type) && body[0] === 4 && RSA.has(body[5]);
    if (!isRsa || body.length < BEFORE_MODULUS_BYTES + LENGTH_BYTES) continue;
    const [high, low] = body.subarray(BEFORE_MODULUS_BYTES);
    bits.set(fingerprintOf(body), (high << 8) | low);
  }
  return bits;
}

function* packetsOf(bytes: Uint8Array): Generator<{ type: number; body: Uint8Array }, void, undefined> {
  for (let at = 0; at < bytes.length; ) {
    const head = decodeHead(bytes, at);
    if (head === undefined || head.end > bytes.length) return;
    yield { type: head.type, body: bytes.subarray(head.start, head.end) };
    at = head.end;
  }
}

/** Undefined where no packet begins, or one of no definite length, which keys never have (RFC 9580 §4.2). */
function decodeHead(bytes: Uint8Array, at: number): { type: number; start: number; end: number } | undefined {
  const tag = bytes[at];
  if ((tag & 0x80) === 0) return undefined;
  const isNew = (tag & 0x40) !== 0;
  const type = isNew ? tag & 0x3f : (tag >> 2) & 0x0f;
  const first = bytes[at + 1];
  if (isNew && first >= 192 && first < 224) {
    return span(type, at + 3, ((first - 192) << 8) + bytes[at + 2] + 192);
  }
  if (isNew && first < 192) return span(type, at + 2, first);
  const width = isNew ? 4 : [1, 2, 4][tag & 3];
  if (width === undefined || (isNew && first !== 255)) return undefined;
  const lengthAt = at + (isNew ? 2 : 1);
  const length = bytes.subarray(lengthAt, lengthAt + width).reduce((value, byte) => value * 256 + byte, 0);
  return span(type, lengthAt + width, length);
}

function span(type: number, start: number, length: number): { type: number; start: number; end: number } {
  return { type, start, end: start + length };
}

/** RFC 9580 §5.5.4.2. */
function fingerprintOf(body: Uint8Array): string {
  const head = Uint8Array.of(0x99, body.length >> 8, body.length & 0xff);
  return createHash('sha1').update(head).update(body).digest('hex').toUpperCase();
}
