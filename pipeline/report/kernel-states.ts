/** Kernels by state, as people are shown them: what cannot be had any more is no failure that somebody could see to. */

import {
  type BtfRecord,
  KERNEL_STATES,
  type KernelRow,
  type KernelState,
  type PlaneCount,
} from '../../db/index.ts';

/** `gone`: it failed, or was never tried, and its package is no longer on the mirror. */
export type ShownState = KernelState | 'gone';

export const SHOWN_STATES: readonly ShownState[] = [...KERNEL_STATES, 'gone'];

export interface ShownCount extends Omit<PlaneCount, 'state'> {
  readonly state: ShownState;
}

export interface KernelStates {
  /** One per plane and state that has kernels. */
  readonly counts: readonly ShownCount[];
  /** Those that failed and are still there, by plane and name. */
  readonly failed: readonly KernelRow[];
}

export function readKernelStates(record: BtfRecord): KernelStates {
  const isGone = goneKernels(record);
  const failed = record.kernels.inState('failed');
  const gone = [...failed, ...record.kernels.inState('pending')].filter(isGone);
  const counts = new Map<string, ShownCount>();
  const add = (
    plane: Omit<ShownCount, 'kernels' | 'tarSizeBytes'>,
    kernels: number,
    tarSizeBytes = 0,
  ): void => {
    const { distro, release, arch, state } = plane;
    const key = `${distro}/${release}/${arch}/${state}`;
    const before = counts.get(key) ?? { kernels: 0, tarSizeBytes: 0 };
    counts.set(key, {
      distro,
      release,
      arch,
      state,
      kernels: before.kernels + kernels,
      tarSizeBytes: before.tarSizeBytes + tarSizeBytes,
    });
  };
  for (const count of record.kernels.countByPlane()) add(count, count.kernels, count.tarSizeBytes);
  for (const kernel of gone) {
    add(kernel, -1);
    add({ ...kernel, state: 'gone' }, 1);
  }
  return {
    counts: [...counts.values()].filter(({ kernels }) => kernels > 0),
    failed: failed.filter((kernel) => !isGone(kernel)),
  };
}

/** Many kernels were seen last in the same reading of the same index: it is asked for once. */
function goneKernels({ packages, indexReads }: BtfRecord): (kernel: KernelRow) => boolean {
  const listed = new Map<string, boolean | undefined>();
  return (kernel) => {
    const [newest] = packages.ofKernel(kernel);
    if (newest === undefined) return false;
    const { distro, release, arch, suite, lastSeen } = newest;
    const key = JSON.stringify([distro, release, arch, suite, lastSeen]);
    if (!listed.has(key)) listed.set(key, indexReads.isStillListed(newest));
    return listed.get(key) === false;
  };
}
