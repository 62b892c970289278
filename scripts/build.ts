/**
 * `npm run build`: dist/ from scratch. What tsc leaves behind (the keyrings) is copied, the command made runnable, and
 * the thread entry bundled.
 */

import { chmod, cp, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { build } from 'rolldown';

/** Files that the compiled code reads beside itself. */
const ASSETS = ['crawlers/trust/keys'];

/**
 * Each thread loads this and up to a hundred small modules: from a few files in a fifth of the time. Not bundled by
 * esbuild, which makes `var` of every top-level `const`: V8 folds constants into optimized code, not variables.
 */
const THREAD_ENTRY = 'pipeline/convert/worker';

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
await build({
  cwd: root,
  input: { worker: `${THREAD_ENTRY}.ts` },
  // Packages and what is Node's own.
  external: /^[^./]/u,
  platform: 'node',
  logLevel: 'warn',
  output: { dir: dirname(`dist/${THREAD_ENTRY}`), chunkFileNames: 'worker-[hash].js' },
});
await chmod(`${root}dist/scripts/btfmill.js`, 0o755);
