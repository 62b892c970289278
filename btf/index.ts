/** BTF: decode, build, validate, compare. */

export { type BaseIndex, indexBase } from './base-index.ts';
export {
  type BtfLayer,
  type DeepComparison,
  type LayerComparison,
  compareDeep,
} from './compare-deep.ts';
export { type CompareTolerances, uniqueComposites } from './compare-graph.ts';
export {
  type ShallowComparison,
  type ShallowDifference,
  type ShallowOptions,
  compareShallow,
} from './compare-shallow.ts';
export { cDeclaration, cDefinition } from './c-text.ts';
export * from './constants.ts';
export { type BtfHeader, decodeBtf, isSplitBtf, readBtfHeader } from './decode.ts';
export { type DiffEntry, type DiffGroup, type DiffNote, diffBtf, GROUPS } from './diff.ts';
export { describeLines, typeExpression } from './describe.ts';
export {
  BtfBuilder,
  type BtfBuilderOptions,
  type BtfEnumerator,
  type BtfMember,
  type BtfParameter,
  type BtfSectionEntry,
} from './encode.ts';
export { findTypes, similarNames } from './find-types.ts';
export { seedHashes } from './hashing.ts';
export { type BtfOverview, overviewOf } from './overview.ts';
export { forEachReference } from './references.ts';
export { type SplitResult, splitBtf } from './split.ts';
export { countKinds } from './summary.ts';
export { pointerBytes, sizeOfType } from './type-size.ts';
export { type FoundTolerances, findTolerances } from './tolerances.ts';
export { type ValidationProblem, checkKernelBtf, validateBtf } from './validate.ts';
export { Btf, type BtfParts } from './view.ts';
