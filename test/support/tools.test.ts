import { afterEach, describe, expect, it, vi } from 'vitest';
import { findTool, needs, needsTool } from './tools.ts';

describe('needsTool', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('asks for nothing when every program is there', () => {
    expect(needsTool('sh')).toBe(false);
    expect(findTool('sh')).toMatch(/^\/.*\/sh$/u);
  });

  it('gives the reason for skipping outside CI', () => {
    vi.stubEnv('CI', '');
    expect(needsTool('sh', 'no-such-program')).toBe('not installed: no-such-program');
  });

  it('fails in CI instead of skipping', () => {
    vi.stubEnv('CI', 'true');
    expect(() => needsTool('no-such-program')).toThrow(/cannot run in CI: not installed: no-such-program/u);
    expect(() => needs(false, 'no tmpfs')).toThrow(/no tmpfs/u);
  });
});
