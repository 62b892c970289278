/** The files that an operator copies: units, cron line, workflow, configurations, and what is written about them. */

import { copyFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { crawlerNames } from '../../crawlers/index.ts';
import { openRecord } from '../../db/index.ts';
import { renderMetrics } from '../../pipeline/nightly/exposition.ts';
import { nightMetrics } from '../../pipeline/nightly/metrics.ts';
import { buildProgram } from '../../scripts/cli/program.ts';
import { CONFIG_VARIABLES, loadConfig } from '../../scripts/config/load-config.ts';
import { configJsonSchema } from '../../scripts/config/schema.ts';
import { tempDirForTest } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy');
const read = (name: string): Promise<string> => readFile(join(DEPLOY, name), 'utf8');

describe.skipIf(needsTool('systemd-analyze'))('systemd units', () => {
  it('are what systemd understands, to the last setting', async () => {
    const folder = await tempDirForTest('units');
    const units = (await readdir(DEPLOY)).filter((name) => /\.(?:service|timer)$/u.test(name));
    expect(units.toSorted()).toEqual(['btfmill-nightly.service', 'btfmill-nightly.timer']);
    for (const unit of units) await copyFile(join(DEPLOY, unit), join(folder, unit));
    const paths = units.map((unit) => join(folder, unit));
    const { exitCode, all } = await execa('systemd-analyze', ['verify', '--man=no', ...paths], {
      all: true,
      reject: false,
    });
    expect(all.split('\n').filter((line) => line.includes('btfmill'))).toEqual([]);
    expect(exitCode).toBe(0);
  });

  it('leave an attacker little', async () => {
    const { stdout } = await execa('systemd-analyze', [
      'security',
      '--offline=yes',
      '--no-pager',
      join(DEPLOY, 'btfmill-nightly.service'),
    ]);
    const [, exposure] = /Overall exposure level[^:]*: ([\d.]+)/u.exec(stdout) ?? [];
    expect(Number(exposure)).toBeLessThan(3);
  });
});

describe('commands in shipped files', () => {
  it.each(['btfmill-nightly.service', 'btfmill.cron', 'github-actions.yml', 'README.md'])(
    '%s calls verbs and flags that there are',
    async (name) => {
      const program = await buildProgram();
      const text = (await read(name)).replaceAll(/\n +--/gu, ' --');
      const calls = [...text.matchAll(/(?:btfmill\.ts|btfmill) ([a-z]+)((?: [^\n|#]*)?)/gu)].filter(
        ([, verb]) => program.commands.some((command) => command.name() === verb),
      );
      expect(calls.length).toBeGreaterThan(0);
      for (const [call, verb, rest] of calls) {
        const command = program.commands.find((one) => one.name() === verb);
        const known = command?.options.map(({ long }) => long);
        for (const [flag] of rest.matchAll(/(?<= )--[a-z-]+/gu)) expect(known, call).toContain(flag);
      }
    },
  );
});

describe('btfmill.cron', () => {
  it.each([
    [0, ''],
    [3, ''],
    [6, ''],
    [1, 'btfmill nightly: exit code 1\nbtfmill: disk-full: no room\n'],
    [127, 'btfmill nightly: exit code 127\nbtfmill: disk-full: no room\n'],
  ])('after exit code %i prints what is worth a mail: %j', async (code, mail) => {
    const folder = await tempDirForTest('cron');
    const line = (await read('btfmill.cron')).split('\n').find((text) => text.startsWith('17 '));
    const command = line?.replace(/^(?:\S+ +){5}btfmill +/u, '').replaceAll('/var/log/btfmill', folder);
    const fake = `btfmill() { echo 'btfmill: disk-full: no room' >&2; return ${code}; }`;
    const { stdout, stderr } = await execa('sh', ['-c', `${fake}\n${command}`], {
      stripFinalNewline: false,
    });
    expect({ stdout, stderr }).toEqual({ stdout: mail, stderr: '' });
  });
});

describe('example configurations', () => {
  it.each(['btfmill.config.json', 'github-actions.config.json'])('%s is one', async (name) => {
    const config = await loadConfig(join(DEPLOY, name), []);
    expect(Object.keys(config.distros).toSorted()).toEqual(crawlerNames().toSorted());
  });
});

describe('deploy/README.md', () => {
  interface Node {
    readonly properties?: Readonly<Record<string, Node>>;
    readonly anyOf?: readonly Node[];
  }

  /** `publish.key` and so on, without what lies below `distros`. */
  function keysOf(node: Node, above = ''): string[] {
    const properties = [node, ...(node.anyOf ?? [])].flatMap(({ properties: own = {} }) =>
      Object.entries(own),
    );
    return properties.flatMap(([name, inner]) => {
      const key = `${above}${name}`;
      const inside = key === 'distros' ? [] : keysOf(inner, `${key}.`);
      return inside.length === 0 || key === 'publish' ? [key, ...inside] : inside;
    });
  }

  it('has every key, variable and metric, and no other', async () => {
    const text = await read('README.md');
    const schema = configJsonSchema() as Node;
    const rows = [...text.matchAll(/^\| `([A-Za-z.]+)` *\|/gmu)].map(([, key]) => key);
    const distroKeys = keysOf(schema.properties?.['distros']?.properties?.['debian'] ?? {});
    expect(distroKeys.length).toBeGreaterThan(5);
    const documented = rows.filter((key) => !key.includes('btfmill'));
    const keys = keysOf(schema).filter((key) => key !== '$schema');
    expect(documented.toSorted()).toEqual([...keys, ...distroKeys].toSorted());
    for (const variable of CONFIG_VARIABLES) expect(text).toContain(`\`${variable}\``);

    const folder = await tempDirForTest('metrics');
    const record = openRecord(join(folder, 'r.sqlite'));
    const metrics = nightMetrics(record, { exitCode: 0, seconds: 1, now: new Date(), distros: ['debian'] });
    record.close();
    for (const { name } of metrics) {
      expect(
        text.includes(`\`${name}\``) || text.includes(`\`${name.replace('btfmill_last_run', '')}\``),
        name,
      ).toBe(true);
    }
    expect(renderMetrics(metrics)).toContain('btfmill_last_run_exit_code 0\n');
  });
});
