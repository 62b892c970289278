/**
 * The `<package>` elements of a primary.xml, cut out of its bytes as they come.
 *
 * A primary.xml of 100 MB has 100,000 packages, of which a handful are of interest, and an XML parser takes ten
 * seconds for it. So this reads just enough of XML to be sure what is markup and what is not (tags with their quoted
 * attributes, comments, character data, processing instructions) and how deep it is, and looks at the names of
 * packages; an XML parser sees the wanted ones only. It trades form for speed: see the measurement in README.md.
 */

import { malformed, quote, refuseOtherEncoding } from './xml.ts';

export interface PackageScanner {
  /**
   * Takes the next bytes; gives the wanted packages that were completed by them, each a whole element. Throws
   * `index-malformed`.
   */
  feed(chunk: Uint8Array): readonly Uint8Array[];
  /** The same for what is left at the document's end; throws `index-malformed` as well when it is not complete. */
  end(): readonly Uint8Array[];
}

/** Far above the longest real package (some thousand provides), far below what hurts. */
const MAX_PACKAGE_BYTES = 16 * 1024 * 1024;
/** Enough for the XML declaration and the root's tag. */
const MAX_DECLARATION_BYTES = 256;
const MAX_DEPTH = 32;

const LESS = 0x3c; // <
const GREATER = 0x3e; // >
const SLASH = 0x2f; // /
const BANG = 0x21; // !
const QUESTION = 0x3f; // ?
const DOUBLE_QUOTE = 0x22; // "
const SINGLE_QUOTE = 0x27; // '
const COLON = 0x3a; // :

const COMMENT_START = Buffer.from('<!--');
const COMMENT_END = Buffer.from('-->');
const CDATA_START = Buffer.from('<![CDATA[');
const CDATA_END = Buffer.from(']]>');
const INSTRUCTION_END = Buffer.from('?>');
const METADATA = Buffer.from('metadata');
const PACKAGE = Buffer.from('package');
const NAME = Buffer.from('name');

/**
 * A scanner of one document.
 *
 * @param isWanted is asked with each package's `<name>`
 * @param where what is being read, for messages
 */
export function createPackageScanner(isWanted: (name: string) => boolean, where: string): PackageScanner {
  /** Bytes from the first one that is still needed. */
  let bytes = Buffer.alloc(0);
  /** What came since, to be added once it is worth it. */
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  /** Where the next token starts. */
  let position = 0;
  /** How many elements are open. */
  let depth = 0;
  let isStarted = false;
  let isFinished = false;
  /** Where the open package starts; -1 when none is open. */
  let packageStart = -1;
  /** The tag that holds a package's name: with the same prefix as the package. */
  let nameTag: Buffer = NAME;
  /** Where the text of the open package's `<name>` starts, and ends; -1 when not seen. */
  let nameStart = -1;
  let nameEnd = -1;
  let found: Uint8Array[] = [];

  function feed(chunk: Uint8Array): readonly Uint8Array[] {
    waiting.push(chunk);
    waitingBytes += chunk.length;
    // As much again as what was not complete: a long element is then looked at some times, not with every chunk.
    const enough = isStarted ? bytes.length - keepFrom() : MAX_DECLARATION_BYTES;
    if (waitingBytes < enough) return [];
    takeWaiting();
    return scan();
  }

  function end(): readonly Uint8Array[] {
    takeWaiting();
    const last = scan();
    const isOpen = depth !== 0 || bytes.indexOf(LESS, position) !== -1;
    if (isOpen || !isFinished) throw malformed(where, 'ends before its last element does');
    return last;
  }

  function scan(): readonly Uint8Array[] {
    if (!isStarted) begin();
    found = [];
    while (scanToken());
    return found;
  }

  /** Where what is still needed of the bytes starts. */
  function keepFrom(): number {
    return packageStart === -1 ? position : packageStart;
  }

  /** Drops what no one needs any more and adds what waits. */
  function takeWaiting(): void {
    const start = keepFrom();
    if (bytes.length - start > MAX_PACKAGE_BYTES) {
      throw malformed(where, `has an element of more than ${MAX_PACKAGE_BYTES} bytes`);
    }
    bytes = Buffer.concat([bytes.subarray(start), ...waiting]);
    waiting = [];
    waitingBytes = 0;
    position -= start;
    if (packageStart === -1) return;
    packageStart -= start;
    if (nameStart !== -1) nameStart -= start;
    if (nameEnd !== -1) nameEnd -= start;
  }

  /** An encoding other than UTF-8 would show other bytes for the same markup. */
  function begin(): void {
    isStarted = true;
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) position = 3;
    refuseOtherEncoding(bytes.toString('latin1', position, MAX_DECLARATION_BYTES), where);
  }

  /** Goes on behind the next tag, comment …; false when it is not complete yet. */
  function scanToken(): boolean {
    const data = bytes;
    const { length } = data;
    let at = position;
    while (at < length && data[at] !== LESS) at += 1;
    position = at;
    if (at + 1 >= length) return false;
    const next = bytes[at + 1];
    if (next === BANG) return skipBang();
    if (next === QUESTION) return skipTo(INSTRUCTION_END, 2);
    const close = findTagEnd(at + 1);
    if (close === -1) return false;
    if (next === SLASH) endElement(at, close);
    else startElement(at, close);
    position = close + 1;
    return true;
  }

  function skipBang(): boolean {
    if (startsWith(COMMENT_START)) return skipTo(COMMENT_END, COMMENT_START.length);
    if (startsWith(CDATA_START)) return skipTo(CDATA_END, CDATA_START.length);
    if (bytes.length - position < CDATA_START.length) return false;
    throw malformed(where, 'has a document type declaration');
  }

  function startsWith(wanted: Buffer): boolean {
    return (
      bytes.length - position >= wanted.length &&
      bytes.compare(wanted, 0, wanted.length, position, position + wanted.length) === 0
    );
  }

  function skipTo(closing: Buffer, openingLength: number): boolean {
    const close = bytes.indexOf(closing, position + openingLength);
    if (close === -1) return false;
    position = close + closing.length;
    return true;
  }

  /** The `>` that ends a tag: one inside quotes does not. */
  function findTagEnd(from: number): number {
    const data = bytes;
    const { length } = data;
    for (let at = from; at < length; at += 1) {
      const byte = data[at];
      if (byte === GREATER) return at;
      if (byte === LESS) throw malformed(where, 'has a tag inside a tag');
      if (byte !== DOUBLE_QUOTE && byte !== SINGLE_QUOTE) continue;
      at += 1;
      while (at < length && data[at] !== byte) at += 1;
    }
    return -1;
  }

  function startElement(open: number, close: number): void {
    const isEmpty = bytes[close - 1] === SLASH;
    if (depth === 0) startRoot(open);
    else if (depth === 1 && isNamed(open + 1, PACKAGE)) {
      packageStart = open;
      nameTag = withPrefixOf(open + 1);
      nameStart = -1;
      nameEnd = -1;
    } else if (depth === 2 && packageStart !== -1 && nameStart === -1 && isNameAt(open + 1, nameTag)) {
      nameStart = close + 1;
      if (isEmpty) nameEnd = nameStart;
    }
    depth += 1;
    if (depth > MAX_DEPTH) throw malformed(where, `has elements nested deeper than ${MAX_DEPTH}`);
    if (isEmpty) closeElement(close);
  }

  function startRoot(open: number): void {
    if (isFinished) throw malformed(where, 'has a second root element');
    if (!isNamed(open + 1, METADATA)) {
      throw malformed(
        where,
        `begins with ${quote(bytes.toString('latin1', open, open + 40))}, not with <metadata>`,
      );
    }
  }

  function endElement(open: number, close: number): void {
    if (depth === 0) throw malformed(where, 'has an end tag too many');
    if (depth === 3 && nameStart !== -1 && nameEnd === -1) nameEnd = open;
    closeElement(close);
  }

  function closeElement(close: number): void {
    depth -= 1;
    if (depth === 0) isFinished = true;
    if (depth !== 1 || packageStart === -1) return;
    if (nameEnd === -1) throw malformed(where, 'has a <package> without a <name>');
    const name = bytes.toString('utf8', nameStart, nameEnd);
    // Whatever is not plain text is left to the XML parser.
    if (/[<&]/.test(name) || isWanted(name.trim())) found.push(bytes.subarray(packageStart, close + 1));
    packageStart = -1;
  }

  /** Whether the tag that has its name at `at` is called so, under whatever prefix. */
  function isNamed(at: number, wanted: Buffer): boolean {
    return isNameAt(at, wanted) || isNameAt(at + prefixLength(at), wanted);
  }

  function withPrefixOf(at: number): Buffer {
    const length = prefixLength(at);
    return length === 0 ? NAME : Buffer.concat([bytes.subarray(at, at + length), NAME]);
  }

  /** With its colon; 0 for a name without prefix. */
  function prefixLength(at: number): number {
    let index = at;
    while (isNameByte(bytes[index]) && bytes[index] !== COLON) index += 1;
    return bytes[index] === COLON ? index + 1 - at : 0;
  }

  function isNameAt(at: number, wanted: Buffer): boolean {
    for (let index = 0; index < wanted.length; index += 1) {
      if (bytes[at + index] !== wanted[index]) return false;
    }
    return !isNameByte(bytes[at + wanted.length]);
  }

  return { feed, end };
}

/** Not the end of a tag's name: blanks, `/` and `>`. */
function isNameByte(byte: number): boolean {
  return byte > 0x20 && byte !== SLASH && byte !== GREATER;
}
