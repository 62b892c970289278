/**
 * Thread entry when btfmill runs from its sources: puts the TypeScript loader in place, which a thread does not
 * inherit on every Node that we support. dist/ starts worker.js itself.
 */

import { register } from 'tsx/esm/api';

register();
await import('./worker.ts');
