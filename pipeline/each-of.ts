/** Doing the same with many things, a few at once. */

import pLimit from 'p-limit';

/**
 * Resolves when `work` was done for every item. After a failure no further item is begun, those under way are waited
 * for, so that nothing goes on behind the caller's back, and the first failure is thrown.
 */
export async function eachOf<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const limit = pLimit(atOnce);
  let failure: { readonly thrown: unknown } | undefined;
  const tasks = [...items].map((item) =>
    limit(async () => {
      if (failure !== undefined) return;
      try {
        await work(item);
      } catch (thrown) {
        failure ??= { thrown };
      }
    }),
  );
  await Promise.all(tasks);
  if (failure !== undefined) throw failure.thrown;
}
