/**
 * Signatures in minisign's format by node:crypto, so that `minisign -V` and everything that speaks it can check them.
 *
 * Format: jedisct1.github.io/minisign, "Signature format" and "Key format". Only prehashed signatures (`ED`: Ed25519
 * over BLAKE2b-512) are written and accepted: the other kind is there for old files only. Secret keys must lie
 * unencrypted (`minisign -G -W`): a nightly job has nobody to type a password.
 */

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { BtfmillError } from '../../errors/index.ts';

export interface SigningKey {
  readonly keyId: Buffer;
  readonly key: KeyObject;
  readonly publicKey: PublicKey;
}

export interface PublicKey {
  readonly keyId: Buffer;
  readonly key: KeyObject;
  /** The line that `minisign -P` takes. */
  readonly text: string;
}

const ALGORITHM = 'Ed';
const PREHASHED = 'ED';
const KEY_ID_BYTES = 8;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Signature algorithm, no key derivation (all zero), checksum algorithm; then salt and limits, which are unused. */
const SECRET_HEAD = Buffer.from('Ed\0\0B2', 'latin1');
const SECRET_KEY_ID_AT = 54;
const SECRET_BYTES = 158;

/** RFC 8410: what DER puts before the 32 bytes of an Ed25519 key. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/** The text of a `.minisig` file over `content`. The trusted comment, one line, is signed too. */
export function signMinisign(
  content: Uint8Array,
  { key, keyId }: SigningKey,
  trustedComment: string,
): string {
  const signature = sign(null, prehash(content), key);
  const comment = Buffer.from(trustedComment, 'utf8');
  const global = sign(null, Buffer.concat([signature, comment]), key);
  const head = Buffer.concat([Buffer.from(PREHASHED, 'latin1'), keyId, signature]);
  return [
    `untrusted comment: signature from btfmill, key ${keyIdText(keyId)}`,
    head.toString('base64'),
    `trusted comment: ${trustedComment}`,
    global.toString('base64'),
    '',
  ].join('\n');
}

/**
 * The trusted comment of a good signature. Throws `archive-signature` for a signature that is malformed, by another
 * key, or not over `content`.
 *
 * @param where what is verified, for messages
 */
export function verifyMinisign(
  content: Uint8Array,
  signatureText: string,
  key: PublicKey,
  where: string,
): string {
  const bad = (why: string): BtfmillError => new BtfmillError('archive-signature', `${where}: ${why}`);
  const lines = signatureText.split('\n');
  const [, encoded = '', commentLine = '', globalEncoded = ''] = lines;
  const head = Buffer.from(encoded, 'base64');
  const global = Buffer.from(globalEncoded, 'base64');
  const isWellFormed =
    lines[0].startsWith('untrusted comment:') &&
    head.length === PREHASHED.length + KEY_ID_BYTES + SIGNATURE_BYTES &&
    commentLine.startsWith('trusted comment: ') &&
    global.length === SIGNATURE_BYTES;
  if (!isWellFormed) throw bad('no minisign signature');
  if (head.toString('latin1', 0, 2) !== PREHASHED) throw bad('a minisign signature of an unknown kind');
  const keyId = head.subarray(2, 2 + KEY_ID_BYTES);
  if (!keyId.equals(key.keyId)) {
    throw bad(`signed by key ${keyIdText(keyId)}, not by ${keyIdText(key.keyId)}`);
  }
  const signature = head.subarray(2 + KEY_ID_BYTES);
  if (!verify(null, prehash(content), key.key, signature))
    throw bad('the signature is not over this content');
  const comment = commentLine.slice('trusted comment: '.length);
  if (!verify(null, Buffer.concat([signature, Buffer.from(comment, 'utf8')]), key.key, global)) {
    throw bad('the trusted comment is not the signed one');
  }
  return comment;
}

/** A new key; {@link secretKeyText} and `publicKey.text` are what to keep of it. */
export function generateSigningKey(): SigningKey {
  const { privateKey, publicKey: key } = generateKeyPairSync('ed25519');
  const keyId = randomBytes(KEY_ID_BYTES);
  const raw = key.export({ format: 'der', type: 'spki' }).subarray(SPKI_HEAD.length);
  return { keyId, key: privateKey, publicKey: publicKey(keyId, raw) };
}

/** An unencrypted minisign secret key file. */
export function secretKeyText({ keyId, key }: SigningKey): string {
  const bytes = Buffer.alloc(SECRET_BYTES);
  const seed = key.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8_HEAD.length);
  const raw = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI_HEAD.length);
  SECRET_HEAD.copy(bytes);
  Buffer.concat([keyId, seed, raw]).copy(bytes, SECRET_KEY_ID_AT);
  return `untrusted comment: minisign secret key ${keyIdText(keyId)} of a btfmill archive\n${bytes.toString('base64')}\n`;
}

/** Reads an unencrypted minisign secret key file. Throws `usage`; the message never shows any of the key. */
export function parseSecretKey(text: string, where: string): SigningKey {
  const bytes = Buffer.from(text.split('\n')[1] ?? '', 'base64');
  if (bytes.length !== SECRET_BYTES || bytes.toString('latin1', 0, 2) !== ALGORITHM) {
    throw new BtfmillError('usage', `${where}: no minisign secret key`);
  }
  if (!bytes.subarray(0, SECRET_HEAD.length).equals(SECRET_HEAD)) {
    throw new BtfmillError('usage', `${where}: the secret key is encrypted; make one with "minisign -G -W"`);
  }
  const keyId = bytes.subarray(SECRET_KEY_ID_AT, SECRET_KEY_ID_AT + KEY_ID_BYTES);
  const seedAt = SECRET_KEY_ID_AT + KEY_ID_BYTES;
  const seed = bytes.subarray(seedAt, seedAt + KEY_BYTES);
  const publicBytes = bytes.subarray(seedAt + KEY_BYTES, seedAt + 2 * KEY_BYTES);
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
  const derived = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI_HEAD.length);
  if (!derived.equals(publicBytes)) throw new BtfmillError('usage', `${where}: the secret key is damaged`);
  return { keyId, key, publicKey: publicKey(keyId, publicBytes) };
}

/** Reads a public key: the file that `minisign -G` writes, or the one line that `minisign -P` takes. */
export function parsePublicKey(text: string, where: string): PublicKey {
  const lines = text.trim().split('\n');
  const bytes = Buffer.from(lines.at(-1) ?? '', 'base64');
  if (
    bytes.length !== ALGORITHM.length + KEY_ID_BYTES + KEY_BYTES ||
    bytes.toString('latin1', 0, 2) !== ALGORITHM
  ) {
    throw new BtfmillError('usage', `${where}: no minisign public key`);
  }
  return publicKey(bytes.subarray(2, 2 + KEY_ID_BYTES), bytes.subarray(2 + KEY_ID_BYTES));
}

function publicKey(keyId: Buffer, raw: Buffer): PublicKey {
  const key = createPublicKey({ key: Buffer.concat([SPKI_HEAD, raw]), format: 'der', type: 'spki' });
  const text = Buffer.concat([Buffer.from(ALGORITHM, 'latin1'), keyId, raw]).toString('base64');
  return { keyId, key, text };
}

/** As minisign prints it: the eight bytes as a little-endian number. */
export function keyIdText(keyId: Buffer): string {
  return Buffer.from(keyId).reverse().toString('hex').toUpperCase();
}

function prehash(content: Uint8Array): Buffer {
  return createHash('blake2b512').update(content).digest();
}
