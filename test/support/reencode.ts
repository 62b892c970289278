/** A decoded BTF through the builder: what `decode(encode(x)) = x` is tested with. */

import { type Btf, BTF_KIND, BTF_MAX_VLEN, BtfBuilder } from '../../btf/index.ts';

const K = BTF_KIND;

/** The same types under the same ids; undefined when a list is longer than the builder's format allows. */
export function reencodeBtf(btf: Btf): Uint8Array | undefined {
  const builder = new BtfBuilder({
    littleEndian: btf.littleEndian,
    ...(btf.base === undefined ? {} : { base: btf.base }),
  });
  for (let id = btf.firstId; id < btf.typeCount; id++) {
    if (btf.kind(id) !== K.FUNC && btf.vlen(id) > BTF_MAX_VLEN) return undefined;
    add(builder, btf, id);
  }
  return builder.build();
}

function add(builder: BtfBuilder, btf: Btf, id: number): number {
  const kind = btf.kind(id);
  const name = btf.name(id);
  const third = btf.sizeOrType(id);
  const flag = btf.kindFlag(id);
  const entries = <T>(read: (index: number) => T): T[] =>
    Array.from({ length: btf.vlen(id) }, (_, i) => read(i));
  switch (kind) {
    case K.INT:
      return builder.addInt(name, third, btf.intEncoding(id), btf.intBits(id), btf.intBitOffset(id));
    case K.FLOAT:
      return builder.addFloat(name, third);
    case K.PTR:
      return builder.addPtr(third);
    case K.TYPEDEF:
      return builder.addTypedef(name, third);
    case K.VOLATILE:
      return builder.addVolatile(third);
    case K.CONST:
      return builder.addConst(third);
    case K.RESTRICT:
      return builder.addRestrict(third);
    case K.ARRAY:
      return builder.addArray(btf.arrayElementType(id), btf.arrayIndexType(id), btf.arrayLength(id));
    case K.STRUCT:
    case K.UNION: {
      const members = entries((i) => ({
        name: btf.entryName(id, i),
        type: btf.entryType(id, i),
        bitOffset: btf.memberBitOffset(id, i),
        bitSize: btf.memberBitSize(id, i),
      }));
      return kind === K.STRUCT
        ? builder.addStruct(name, third, members)
        : builder.addUnion(name, third, members);
    }
    case K.FWD:
      return builder.addFwd(name, flag ? 'union' : 'struct');
    case K.ENUM:
    case K.ENUM64: {
      const values = entries((i) => ({ name: btf.entryName(id, i), value: btf.enumValue(id, i) }));
      return kind === K.ENUM
        ? builder.addEnum(name, third, values, flag)
        : builder.addEnum64(name, third, values, flag);
    }
    case K.FUNC_PROTO:
      return builder.addFuncProto(
        third,
        entries((i) => ({ name: btf.entryName(id, i), type: btf.entryType(id, i) })),
      );
    case K.FUNC:
      return builder.addFunc(name, third, btf.linkage(id));
    case K.VAR:
      return builder.addVar(name, third, btf.linkage(id));
    case K.DATASEC:
      return builder.addDatasec(
        name,
        third,
        entries((i) => ({
          variable: btf.sectionVariable(id, i),
          offset: btf.sectionOffset(id, i),
          size: btf.sectionSize(id, i),
        })),
      );
    case K.DECL_TAG:
      return builder.addDeclTag(name, third, btf.componentIndex(id), flag);
    case K.TYPE_TAG:
      return builder.addTypeTag(name, third, flag);
    default:
      throw new Error(`kind ${kind} has no record`);
  }
}
