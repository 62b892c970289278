/**
 * Splits an inline-signed document (RFC 9580 §7, InRelease) into the text that is signed and the signature over it.
 *
 * As strict as apt: nothing before, between or after the one signed block, so no reader can take unsigned text for
 * signed. The text returned is the very bytes that are verified.
 */

import { BtfmillError } from '../../errors/index.ts';

export interface ClearsignedParts {
  /** Dash-unescaped, without trailing blanks and without the last line break, as the signature counts it. */
  readonly text: string;
  /** The armoured signature block. */
  readonly signature: string;
}

const BEGIN_MESSAGE = '-----BEGIN PGP SIGNED MESSAGE-----';
const BEGIN_SIGNATURE = '-----BEGIN PGP SIGNATURE-----';
const END_SIGNATURE = '-----END PGP SIGNATURE-----';
/** Not signed at the end of a line. */
const BLANKS: ReadonlySet<string> = new Set([' ', '\t', '\r']);

/** Throws `index-signature` when `bytes` is not exactly one inline-signed document. */
export function splitClearsigned(bytes: Uint8Array, where: string): ClearsignedParts {
  // latin1 keeps every byte; the signature is over bytes, and the caller decodes what is verified.
  const lines = Buffer.from(bytes).toString('latin1').split('\n').map(trimLineEnd);
  if (lines[0] !== BEGIN_MESSAGE) throw unsigned(where, 'does not begin with a signed message');

  const textStart = lines.indexOf('') + 1;
  const hasOnlyHashHeaders = lines.slice(1, textStart - 1).every((line) => line.startsWith('Hash: '));
  if (textStart === 0 || !hasOnlyHashHeaders) throw unsigned(where, 'has an unknown armour header');

  const signatureStart = lines.indexOf(BEGIN_SIGNATURE, textStart);
  const signatureEnd = lines.indexOf(END_SIGNATURE, signatureStart);
  if (signatureStart === -1 || signatureEnd === -1) throw unsigned(where, 'has no complete signature block');
  if (lines.slice(signatureEnd + 1).some((line) => line !== '')) {
    throw unsigned(where, 'has text after its signature');
  }

  const text = lines.slice(textStart, signatureStart).map((line) => unescapeDash(line, where));
  return {
    text: text.join('\n'),
    signature: `${lines.slice(signatureStart, signatureEnd + 1).join('\n')}\n`,
  };
}

/** By hand: a regular expression tries every blank in the line, and who sends one of a million is not verified yet. */
function trimLineEnd(line: string): string {
  let end = line.length;
  while (end > 0 && BLANKS.has(line[end - 1])) end -= 1;
  return line.slice(0, end);
}

function unescapeDash(line: string, where: string): string {
  if (!line.startsWith('-')) return line;
  if (!line.startsWith('- ')) throw unsigned(where, 'has an unescaped dash in its signed text');
  return line.slice(2);
}

function unsigned(where: string, what: string): BtfmillError {
  return new BtfmillError('index-signature', `${where}: ${what}`);
}
