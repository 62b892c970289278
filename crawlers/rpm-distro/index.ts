export { listRepository, type RepositoryPlan } from './list.ts';
export { type DebuginfoName, type KernelBuild, parseDebuginfoName, unameOf } from './names.ts';
export { type PackageOrigin, toDebugPackage } from './packages.ts';
