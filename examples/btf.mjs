/** BTF by name and by number: `node btf.mjs BTF NAME`. Build one, read one, check it, print it, compare two. */

import { readFileSync } from 'node:fs';
import { argv } from 'node:process';
import { BTF_KIND, BtfBuilder, cDefinition, decodeBtf, diffBtf, findTypes, validateBtf } from 'btfmill/btf';

const btf = decodeBtf(readFileSync(argv[2]));
console.log(`${btf.typeCount - 1} types, ${validateBtf(btf).length} problems`);

// By name, as C.
for (const id of findTypes(btf, argv[3])) console.log(cDefinition(btf, id).join('\n'));

// By number: ids run from 1 on, 0 is void; what a method means depends on the kind.
let members = 0;
for (let id = 1; id < btf.typeCount; id++) if (btf.kind(id) === BTF_KIND.STRUCT) members += btf.vlen(id);
console.log(`${members} members of structs`);

// One of our own, and what differs when its struct grows.
function listOf(sizeBytes) {
  const builder = new BtfBuilder();
  const struct = builder.nextId;
  builder.addStruct('list', sizeBytes, [{ name: 'next', type: struct + 1, bitOffset: 0 }]);
  builder.addPtr(struct);
  return decodeBtf(builder.build());
}
const [{ name, notes }] = diffBtf(listOf(8), listOf(16));
console.log(`${name}: ${notes[0].what} ${notes[0].from} -> ${notes[0].to}`);
