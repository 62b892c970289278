/** Thread entry: puts the TypeScript loader in place, which a thread does not inherit on every Node that we support. */

import { register } from 'tsx/esm/api';

register();
await import('./worker.ts');
