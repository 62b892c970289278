/**
 * One at a time where several kernels come from the same package: testing and unstable name the same file, and so do
 * copies of repositories. In the cache it is one file, which one kernel must not fetch or remove while another is at it.
 */

export interface PackageLocks {
  /** Runs `work` when nobody else holds the package; whoever asks first is first. */
  hold<Result>(digest: string, work: () => Promise<Result>): Promise<Result>;
  /** Whether a kernel that is still to come will want the package that is held now. */
  isAwaited(digest: string): boolean;
}

/** @param digests of the packages of all kernels to come; one that is named twice will be held twice */
export function createPackageLocks(digests: readonly string[]): PackageLocks {
  const toCome = new Map<string, number>();
  for (const digest of digests) toCome.set(digest, (toCome.get(digest) ?? 0) + 1);
  const queues = new Map<string, Promise<void>>();
  return {
    async hold(digest, work) {
      const before = queues.get(digest) ?? Promise.resolve();
      const result = before.then(() => {
        toCome.set(digest, (toCome.get(digest) ?? 1) - 1);
        return work();
      });
      queues.set(digest, result.then(settled, settled));
      return result;
    },
    isAwaited: (digest) => (toCome.get(digest) ?? 0) > 0,
  };
}

/** How it ended is the business of whoever held it. */
function settled(): void {}
