/** deb822 stanzas (deb822(5)): one stanza's text into fields, and a stream of bytes into stanzas. */

import { BtfmillError } from '../../errors/index.ts';

/**
 * Fields by lower-case name. A value of several lines keeps its line breaks and loses the one blank that starts
 * each continuation line.
 */
export type Stanza = ReadonlyMap<string, string>;

/** Far above the largest real one (the Release of unstable, 200 kB), far below what hurts. */
const MAX_STANZA_BYTES = 16 * 1024 * 1024;
const STANZA_END = Buffer.from('\n\n');
const NEWLINE = 0x0a;

/**
 * Fields of one stanza. Throws `index-malformed` for a line that is no field, a continuation of nothing, or a
 * field that comes twice.
 *
 * @param where what is being read, for messages
 */
export function parseStanza(text: string, where: string): Stanza {
  const fields = new Map<string, string>();
  let name: string | undefined;
  let lines: string[] = [];

  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (name === undefined) throw malformed(where, line, 'continues no field');
      lines.push(line.slice(1));
      continue;
    }
    if (name !== undefined) fields.set(name, lines.join('\n'));
    const colon = line.indexOf(':');
    if (colon <= 0) throw malformed(where, line, 'is no field');
    name = line.slice(0, colon).toLowerCase();
    if (fields.has(name)) throw malformed(where, line, 'comes twice in one stanza');
    lines = [line.slice(colon + 1).trim()];
  }
  if (name !== undefined) fields.set(name, lines.join('\n'));
  return fields;
}

export interface StanzaFilter {
  /** Sees a stanza's bytes before they are parsed; most of an archive's are of no interest. */
  (bytes: Buffer): boolean;
}

/**
 * The stanzas of a stream that `isWanted` lets through, each parsed on its own: a defective one cannot bleed into
 * the next.
 */
export async function* readStanzas(
  source: AsyncIterable<Uint8Array>,
  where: string,
  isWanted: StanzaFilter,
): AsyncGenerator<Stanza> {
  let rest: Buffer = Buffer.alloc(0);
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  for await (const chunk of source) {
    waiting.push(chunk);
    waitingBytes += chunk.length;
    // As much again as what was not complete: a long stanza is then looked at some times, not with every chunk.
    if (waitingBytes < rest.length) continue;
    const cut = cutStanzas(Buffer.concat([rest, ...waiting]));
    for (const stanza of cut.whole) if (isWanted(stanza)) yield parseStanza(stanza.toString('utf8'), where);
    ({ rest } = cut);
    waiting = [];
    waitingBytes = 0;
    refuseLong(rest, where);
  }
  const last = cutStanzas(Buffer.concat([rest, ...waiting]));
  for (const stanza of [...last.whole, last.rest]) {
    refuseLong(stanza, where);
    if (stanza.length > 0 && isWanted(stanza)) yield parseStanza(stanza.toString('utf8'), where);
  }
}

function refuseLong(stanza: Buffer, where: string): void {
  if (stanza.length <= MAX_STANZA_BYTES) return;
  throw new BtfmillError('index-malformed', `${where}: a stanza of more than ${MAX_STANZA_BYTES} bytes`);
}

/** The stanzas that end in `bytes`, and what is behind the last of them. */
function cutStanzas(bytes: Buffer): { readonly whole: readonly Buffer[]; readonly rest: Buffer } {
  const whole: Buffer[] = [];
  let start = 0;
  for (;;) {
    while (bytes[start] === NEWLINE) start += 1;
    const end = bytes.indexOf(STANZA_END, start);
    if (end === -1) return { whole, rest: bytes.subarray(start) };
    whole.push(bytes.subarray(start, end));
    start = end + STANZA_END.length;
  }
}

/** The value of a field that must be there. */
export function requiredField(stanza: Stanza, name: string, where: string): string {
  const value = stanza.get(name.toLowerCase());
  if (value === undefined || value === '') {
    const owner = stanza.get('package');
    const what = owner === undefined ? where : `${where}: ${owner}`;
    throw new BtfmillError('index-malformed', `${what}: no ${name} field`);
  }
  return value;
}

function malformed(where: string, line: string, what: string): BtfmillError {
  return new BtfmillError(
    'index-malformed',
    `${where}: the line ${JSON.stringify(line.slice(0, 60))} ${what}`,
  );
}
