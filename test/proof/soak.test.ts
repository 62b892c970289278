/** A small `npm run soak`. */

import { expect, it } from 'vitest';
import { tempDirForTest } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { openWorld, WORLD_TOOLS } from './scenario.ts';
import { soak } from './soak-nights.ts';

/** Ten seconds, and on a busy machine much more. */
const PATIENCE = { timeout: 600_000 };

it.skipIf(needsTool(...WORLD_TOOLS))(
  'three nights do what is new, and tell exactly that',
  PATIENCE,
  async () => {
    const world = await openWorld(await tempDirForTest('soak'));
    try {
      const result = await soak({ kernels: 30, windowSize: 10, site: await world.newSite(), world });
      expect(result.wrong).toEqual([]);
      expect(result.nights[1]).toMatchObject({ packageRequests: 0, unconditional: 0 });
    } finally {
      await world.close();
    }
  },
);
