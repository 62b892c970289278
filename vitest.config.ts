import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{elf,dwarf,btf,errors,crawlers,pipeline,db,scripts,test}/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // Two workers: several suites spawn compilers and the real command beside themselves.
    maxWorkers: 2,
    // Where Debian keeps bpftool, which is not on an ordinary user's path.
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  },
});
