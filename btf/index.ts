/** Reading BTF: decode, access, constants. */

export * from './constants.ts';
export { type BtfHeader, decodeBtf, readBtfHeader } from './decode.ts';
export { Btf, type BtfParts } from './view.ts';
