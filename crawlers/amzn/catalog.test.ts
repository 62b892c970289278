import { expect, test } from 'vitest';
import { parseKernelTopics } from './catalog.ts';

test('topics that hold kernels, by their names', () => {
  // The shape of the published catalog: what a topic has beside its name is of no use here.
  const catalog = {
    motd: '',
    status: 'ok',
    version: 1,
    whitelists: {},
    topics: [
      { n: 'docker', inst: ['docker'], versions: ['25.0.3'] },
      { n: 'kernel-ng', inst: ['kernel'], versions: ['5.4'], 'deprecated-at': '2021' },
      { n: 'kernel-5.4', inst: ['kernel'] },
      { n: 'kernel-5.10', visible: ['aarch64'] },
      { n: 'kernel-7.2' },
      { n: 'livepatch' },
      { n: 'kernel-5.10' },
    ],
  };
  expect(parseKernelTopics(JSON.stringify(catalog), 'x')).toEqual([
    'kernel-ng',
    'kernel-5.4',
    'kernel-5.10',
    'kernel-7.2',
  ]);
});

test('a topic that would climb is none', () => {
  const topics = [{ n: 'kernel/../../x' }, { n: 'kernel?x' }, { n: 'kernel-5.15' }];
  expect(parseKernelTopics(JSON.stringify({ topics }), 'x')).toEqual(['kernel-5.15']);
});

test.each([
  ['', 'is no JSON'],
  ['{"topics": ', 'is no JSON'],
  ['[]', 'has no list of topics'],
  ['null', 'has no list of topics'],
  ['{"topics": {"n": "kernel-5.4"}}', 'has no list of topics'],
  ['{"topics": [{"n": "a"}, {"name": "b"}]}', 'topic 1 has no name'],
  ['{"topics": ["kernel-5.4"]}', 'topic 0 has no name'],
  [
    JSON.stringify({ topics: Array.from({ length: 101 }, (_, i) => ({ n: `kernel-${i}` })) }),
    'has 101 topics of kernels',
  ],
])('%.30s → index-malformed', (text, message) => {
  expect(() => parseKernelTopics(text, 'http://x/c.json')).toThrowError(
    expect.objectContaining({ code: 'index-malformed', message: `http://x/c.json: ${message}` }),
  );
});
