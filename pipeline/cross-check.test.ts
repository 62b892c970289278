import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BtfBuilder } from '../btf/index.ts';
import { tempDirForTest } from '../test/support/temp.ts';
import { type CrossCheckOptions, type CrossCheckVerdict, crossCheck } from './cross-check.ts';
import type { ConvertedKernel } from './types.ts';

const never = new AbortController().signal;

interface KernelShape {
  /** Bit offset of a member of task_struct. */
  pid?: number;
  /** Whether `double` is a FLOAT. */
  floats?: boolean;
  /** Functions, with the name of their one parameter. */
  functions?: Record<string, string>;
  /** Per-CPU variables: name → [offset, size]; undefined encodes none. */
  variables?: Record<string, [number, number]>;
  /** Type of the variables: 1 int, 2 double. */
  variableType?: number;
}

function kernel(shape: KernelShape = {}): Uint8Array {
  const b = new BtfBuilder();
  const int = b.addInt('int', 4, 1);
  const double = shape.floats === true ? b.addFloat('double', 8) : b.addInt('double', 8);
  const task = b.addStruct('task_struct', 2000, [
    { name: 'pid', type: int, bitOffset: shape.pid ?? 0 },
    { name: 'load', type: double, bitOffset: 128 },
  ]);
  const pointer = b.addPtr(task);
  for (const [name, parameter] of Object.entries(shape.functions ?? { wake_up: 'task' })) {
    b.addFunc(name, b.addFuncProto(int, [{ name: parameter, type: pointer }]));
  }
  const variables = Object.entries(shape.variables ?? { runqueues: [64, 4], 'count.0': [128, 4] });
  if (variables.length > 0) {
    const entries = variables.map(([name, [offset, size]]) => ({
      variable: b.addVar(name, shape.variableType ?? int, 1),
      offset,
      size,
    }));
    b.addDatasec('.data..percpu', 4096, entries);
  }
  return b.build();
}

function converted(fromDwarf: Uint8Array | undefined, native?: Uint8Array): ConvertedKernel {
  return {
    profile: 'pahole-1.24',
    ...(fromDwarf === undefined ? {} : { fromDwarf }),
    ...(native === undefined ? {} : { native }),
  };
}

/** Checks against a pahole of that version that gives `theirs` (or does what `script` says). */
async function check(
  kernels: ConvertedKernel,
  o: Partial<CrossCheckOptions> & { version?: string; theirs?: Uint8Array; script?: string } = {},
): Promise<CrossCheckVerdict | undefined> {
  const workDir = await tempDirForTest('cross-check');
  const command = join(workDir, 'pahole');
  await writeFile(join(workDir, 'theirs'), o.theirs ?? kernel());
  const script = `#!/bin/sh
if [ "$1" = --version ]; then echo v${o.version ?? '1.24'}; exit; fi
for arg; do case $arg in --btf_encode_detached=*) out=\${arg#*=};; esac; done
${o.script ?? `cp ${join(workDir, 'theirs')} "$out"`}
`;
  await writeFile(command, script);
  await chmod(command, 0o755);
  const { mode = 'auto', signal = never, paholeCommand = command } = o;
  const publish = o.publish === undefined ? {} : { publish: o.publish };
  const convert = o.convert === undefined ? {} : { convert: o.convert };
  const options = { mode, workDir, signal, paholeCommand, ...publish, ...convert };
  return crossCheck(kernels, '/nowhere/vmlinux', options);
}

describe('what is checked against what', () => {
  test.each([
    ['nothing converted', converted(undefined, kernel()), 'auto' as const],
    ['nothing converted', converted(undefined, kernel()), 'always' as const],
  ])('nothing: %s', async (_, kernels, mode) => {
    expect(await check(kernels, { mode })).toBeUndefined();
  });

  test.each([
    ['never, native', converted(kernel(), kernel()), 'native'],
    ['never, ours', converted(kernel()), 'pahole'],
  ])('nothing, but with a verdict that says so: %s', async (_, kernels, against) => {
    expect(await check(kernels, { mode: 'never' })).toMatchObject({ against, verdict: 'skipped' });
  });

  test('auto: native BTF that is published', async () => {
    expect(await check(converted(kernel(), kernel()))).toMatchObject({ against: 'native', verdict: 'equal' });
  });

  test.each([
    ['auto, without native BTF', converted(kernel()), {}],
    [
      'auto, when ours is published although there is native BTF',
      converted(kernel(), kernel()),
      { publish: 'dwarf' as const },
    ],
    ['always', converted(kernel(), kernel()), { mode: 'always' as const }],
  ])('pahole: %s', async (_, kernels, o) => {
    expect(await check(kernels, o)).toMatchObject({ against: 'pahole', verdict: 'equal', tool: '1.24' });
  });

  test('auto without pahole is unavailable, always is an error', async () => {
    const paholeCommand = '/nowhere/pahole';
    expect(await check(converted(kernel()), { paholeCommand })).toMatchObject({
      verdict: 'unavailable',
      firstDifferences: ['pahole is not installed'],
    });
    await expect(check(converted(kernel()), { paholeCommand, mode: 'always' })).rejects.toMatchObject({
      code: 'tool-missing',
    });
  });

  test('a pahole that cannot leave out Rust is as good as none', async () => {
    expect(await check(converted(kernel()), { version: '1.22' })).toMatchObject({
      verdict: 'unavailable',
      tool: '1.22',
    });
    await expect(check(converted(kernel()), { version: '1.22', mode: 'always' })).rejects.toMatchObject({
      code: 'tool-missing',
    });
  });

  test.each([
    ['crashes', 'kill -SEGV $$', /killed by SIGSEGV/u],
    ['writes rubbish', 'printf rubbish > "$out"', /unreadable BTF: btf header/u],
  ])('a pahole that %s is oracle-failed', async (_, script, message) => {
    await expect(check(converted(kernel()), { script })).rejects.toMatchObject({
      code: 'oracle-failed',
      message: expect.stringMatching(message),
    });
  });
});

describe('verdicts beside a pahole of our rules', () => {
  test.each<[string, KernelShape, string, string]>([
    [
      'a moved member',
      { pid: 32 },
      'types-differ',
      'STRUCT task_struct differs: ours pid: at bit 0, int; theirs pid: at bit 32, int',
    ],
    ['a FLOAT', { floats: true }, 'types-differ', 'INT double only in ours'],
    [
      'a missing variable',
      { variables: { runqueues: [64, 4] } },
      'types-differ',
      'DATASEC .data..percpu differs',
    ],
    [
      'a moved variable',
      { variables: { runqueues: [72, 4], 'count.0': [128, 4] } },
      'types-differ',
      'DATASEC',
    ],
    ['another parameter name', { functions: { wake_up: 'p' } }, 'functions-differ', 'FUNC wake_up differs'],
    ['a missing function', { functions: {} }, 'functions-differ', 'FUNC wake_up only in ours'],
  ])('%s', async (_, shape, verdict, first) => {
    const result = await check(converted(kernel()), { theirs: kernel(shape) });
    expect(result).toMatchObject({ verdict, tolerated: [], details: { functionsJudged: true } });
    expect(result?.firstDifferences[0]).toContain(first);
  });

  test('counts say how much differs', async () => {
    const result = await check(converted(kernel()), { theirs: kernel({ pid: 32 }) });
    expect(result?.details).toEqual({
      types: { common: 2, onlyOurs: 2, onlyTheirs: 2 },
      functions: { common: 0, onlyOurs: 2, onlyTheirs: 2 },
      variables: { common: 3, onlyOurs: 0, onlyTheirs: 0 },
      duplicatesOurs: 0,
      duplicatesTheirs: 0,
      functionsJudged: true,
    });
  });
});

describe('verdicts beside encoders of other rules', () => {
  test('functions are not judged beside pahole 1.30', async () => {
    const result = await check(converted(kernel()), {
      version: '1.30',
      theirs: kernel({ functions: { wake_up: 'p' } }),
    });
    expect(result).toMatchObject({
      verdict: 'equal',
      firstDifferences: [],
      details: { functionsJudged: false },
    });
    expect(result?.tolerated).toEqual([
      'functions: pahole 1.30 chooses them by other rules than pahole-1.24 (2 classes only in ours, 2 only in theirs)',
    ]);
  });

  test('native BTF with more prototypes of our functions', async () => {
    const b = kernel({ functions: { wake_up: 'task', 'wake_up ': 'p' } });
    const result = await check(converted(kernel(), b));
    expect(result?.verdict).toBe('equal');
    expect(result?.tolerated.join()).toContain('theirs has all of ours and more');
  });

  test.each<[string, KernelShape, KernelShape, RegExp]>([
    ['floats', {}, { floats: true }, /^floats: 1 FLOAT/u],
    ['no variables at all', {}, { variables: {} }, /theirs has none of 2/u],
    ['no variables inside functions', {}, { variables: { runqueues: [64, 4] } }, /1 only in ours, left out/u],
    [
      'a variable at address 0',
      {},
      { variables: { fixed: [0, 4], runqueues: [64, 4], 'count.0': [128, 4] } },
      /fixed only in theirs, at address 0/u,
    ],
    [
      'a variable under its other symbol',
      {},
      { variables: { __pi_runqueues: [64, 4], 'count.0': [128, 4] } },
      /runqueues as __pi_runqueues/u,
    ],
  ])('tolerates and names: %s', async (_, ours, theirs, reason) => {
    const result = await check(converted(kernel(ours), kernel(theirs)));
    expect(result).toMatchObject({ verdict: 'equal', firstDifferences: [] });
    expect(result?.tolerated).toEqual([expect.stringMatching(reason)]);
  });

  test.each<[string, KernelShape]>([
    ['a moved member', { pid: 32, floats: true }],
    ['a variable that is missing for no known reason', { variables: { 'count.0': [128, 4] } }],
    [
      'a variable that is additional for no known reason',
      { variables: { other: [32, 4], runqueues: [64, 4], 'count.0': [128, 4] } },
    ],
    ['a variable of another size', { variables: { runqueues: [64, 8], 'count.0': [128, 4] } }],
    ['a variable of another type', { variableType: 2 }],
    ['a renamed variable of another type', { variables: { x: [64, 4], y: [128, 4] }, variableType: 2 }],
  ])('does not tolerate %s', async (_, theirs) => {
    const result = await check(converted(kernel(), kernel(theirs)));
    expect(result?.verdict).toBe('types-differ');
    expect(result?.firstDifferences.length).toBeGreaterThan(0);
  });
});

describe('beside a pahole of another profile', () => {
  const fromDwarf = kernel({
    floats: true,
    variables: { fixed: [0, 4], runqueues: [64, 4] },
    functions: { wake_up: 'task', isra: 'p' },
  });
  const newer: ConvertedKernel = { profile: 'pahole-1.30', fromDwarf };

  test('what we make by its profile is equal, and ours differs by the rules alone', async () => {
    const asked: string[] = [];
    const result = await check(newer, {
      convert: async (profile) => {
        asked.push(profile);
        return kernel();
      },
    });
    expect(asked).toEqual(['pahole-1.24']);
    expect(result).toMatchObject({ verdict: 'equal', details: { functionsJudged: true } });
    expect(result?.tolerated).toEqual([
      expect.stringMatching(/^floats: 1 FLOAT/u),
      'variables: 1 only in theirs, left out by name or depth from pahole 1.28 on',
      'variables: fixed only in ours, at address 0, seen from pahole 1.28 on',
      expect.stringMatching(/^functions: pahole 1.24 chooses them by other rules than pahole-1.30/u),
    ]);
  });

  test.each<[string, KernelShape, string]>([
    ['another function', { functions: { other: 'task' } }, 'functions-differ'],
    ['another type', { pid: 32 }, 'types-differ'],
    ['another variable', { variables: { runqueues: [64, 4] } }, 'types-differ'],
  ])('what we make by its profile has %s', async (_, shape, verdict) => {
    const result = await check(newer, { convert: async () => kernel(shape) });
    expect(result).toMatchObject({ verdict, tolerated: [] });
    expect(result?.firstDifferences.length).toBeGreaterThan(0);
  });

  test('ours differs from what we make by its profile by more than the rules', async () => {
    const moved = { pid: 32 };
    const result = await check(newer, { theirs: kernel(moved), convert: async () => kernel(moved) });
    expect(result).toMatchObject({ verdict: 'types-differ', tolerated: [] });
  });

  test('a pahole of the profile needs no second conversion', async () => {
    const result = await check(newer, {
      version: '1.30',
      theirs: fromDwarf,
      convert: async () => expect.unreachable(),
    });
    expect(result).toMatchObject({ verdict: 'equal', tolerated: [], details: { functionsJudged: true } });
  });
});

test('damaged native BTF is btf-malformed', async () => {
  await expect(check(converted(kernel(), kernel().subarray(0, 100)))).rejects.toMatchObject({
    code: 'btf-malformed',
  });
});

test('an abort ends it', async () => {
  await expect(
    check(converted(kernel()), { script: 'exec sleep 60', signal: AbortSignal.timeout(300) }),
  ).rejects.toMatchObject({ code: 'aborted' });
});
