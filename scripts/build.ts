/** `npm run build`: dist/ from scratch. What tsc leaves behind (the keyrings) is copied, and the command made runnable. */

import { chmod, cp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** Files that the compiled code reads beside itself. */
const ASSETS = ['crawlers/trust/keys'];

const root = fileURLToPath(new URL('..', import.meta.url));

// A file whose source is gone must not stay in the package.
await rm(`${root}dist`, { recursive: true, force: true });
const compiler = await execa('tsc', ['-p', 'tsconfig.build.json'], {
  cwd: root,
  preferLocal: true,
  stdio: 'inherit',
  reject: false,
});
// The compiler has said why.
if (compiler.failed) process.exit(1);
for (const asset of ASSETS) {
  await cp(`${root}${asset}`, `${root}dist/${asset}`, { recursive: true });
}
await chmod(`${root}dist/scripts/btfmill.js`, 0o755);
