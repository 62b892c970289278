/** A BTF blob as something to damage: header, types and strings, and the fields of every record. */

import { type Btf, BTF_ENTRY_WORDS, BTF_KIND, decodeBtf, readBtfHeader } from '../../btf/index.ts';
import { FormatError } from '../../elf/index.ts';
import type { FuzzInput, Part, Site, SiteKind, Stretch } from './input.ts';

/** @param bytes a BTF that can be decoded; @returns undefined for any other */
export function btfInput(name: string, bytes: Uint8Array): FuzzInput | undefined {
  let btf: Btf;
  try {
    btf = decodeBtf(bytes);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
  const header = readBtfHeader(bytes);
  const parts: Part[] = [
    { name: 'header', bytes: bytes.slice(0, header.headerBytes), isHeader: true },
    { name: 'types', bytes: bytes.slice(header.typesStart, header.typesEnd), isHeader: false },
    { name: 'strings', bytes: bytes.slice(header.stringsStart, header.stringsEnd), isHeader: false },
  ];
  const sites: Site[] = [];
  const stretches: Stretch[] = [];
  for (let at = 0; at < header.headerBytes; at += 4) sites.push({ part: 0, at, size: 4, kind: 'number' });
  for (let id = btf.firstId; id < btf.typeCount; id++) findRecordSites(btf, id, sites, stretches);
  return {
    name,
    format: 'btf',
    littleEndian: header.littleEndian,
    parts,
    sites,
    stretches,
    targets: Array.from({ length: btf.typeCount }, (_, id) => id),
    layOut(headers, [, typesBytes, stringsBytes]) {
      const own = headers.get(0);
      if (own === undefined) return;
      const view = new DataView(own.buffer, own.byteOffset, own.byteLength);
      [0, typesBytes, typesBytes, stringsBytes].forEach((value, i) => {
        view.setUint32(8 + i * 4, value, header.littleEndian);
      });
    },
  };
}

/** Words of the void record that a decoded BTF has in front. */
const VOID_WORDS = 3;

function findRecordSites(btf: Btf, id: number, sites: Site[], stretches: Stretch[]): void {
  const kind = btf.kind(id);
  const start = btf.offsets[id] - VOID_WORDS;
  const end = (btf.offsets[id + 1] ?? btf.words.length) - VOID_WORDS;
  const word = (index: number, what: SiteKind): void => {
    sites.push({ part: 1, at: index * 4, size: 4, kind: what });
  };
  word(start, 'string');
  word(start + 1, 'info');
  const isSized = [BTF_KIND.INT, BTF_KIND.STRUCT, BTF_KIND.UNION, BTF_KIND.ENUM, BTF_KIND.ENUM64].some(
    (sized) => sized === kind,
  );
  word(start + 2, isSized ? 'number' : 'reference');
  const step = BTF_ENTRY_WORDS[kind];
  for (let at = start + 3; at < end; at++) {
    const field = step === 0 ? -1 : (at - start - 3) % step;
    if (kind === BTF_KIND.ARRAY) word(at, at < start + 5 ? 'reference' : 'number');
    else if (field === 0) word(at, kind === BTF_KIND.DATASEC ? 'reference' : 'string');
    else if (field === 1 && kind !== BTF_KIND.ENUM && kind !== BTF_KIND.ENUM64) word(at, 'reference');
    else word(at, 'number');
  }
  stretches.push({ part: 1, start: start * 4, end: end * 4 });
}
