import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { showConversion } from './conversion-progress.ts';

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubEnv('TERM', 'xterm');
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

function terminal(columns: number): {
  isTTY: boolean;
  columns: number;
  write: (text: string) => void;
  text: () => string;
} {
  let written = '';
  return {
    isTTY: true,
    columns,
    write: (text) => {
      written = text;
    },
    text: () => written,
  };
}

it('says of which file how much is read, in a line no wider than the terminal, and takes it back', () => {
  const wide = terminal(80);
  const narrow = terminal(24);
  const unsized = terminal(0);
  const shown = [wide, narrow, unsized].map((screen) => showConversion('/boot/vmlinux-6.1', screen));
  vi.advanceTimersByTime(100);
  expect(wide.text()).toMatch(/^ {2}opening {2}0\.\d+ s {2}vmlinux-6\.1\n$/u);
  for (const { onProgress } of shown) onProgress(5_000_000, 20_000_000);
  vi.advanceTimersByTime(100);
  expect(wide.text()).toContain('  5.00 MB of .debug_info  25%  ');
  expect(narrow.text()).toMatch(/ {2}5\.00 MB of \.debug_in…\n$/u);
  for (const { onProgress } of shown) onProgress(20_000_000, 20_000_000);
  vi.advanceTimersByTime(100);
  expect(wide.text()).toContain('  20.0 MB read, assembling types  ');
  expect(unsized.text()).toBe(wide.text());
  for (const { close } of shown) close();
  expect(wide.text()).not.toContain('vmlinux');
});

it('says how much of a pipe has come, and what moves fits into 40 columns', () => {
  const screen = terminal(40);
  const { onProgress, onCopied, close } = showConversion('stdin', screen);
  onCopied(163_000_000);
  vi.advanceTimersByTime(12_000);
  expect(screen.text()).toContain('  163 MB of input  12 s  stdin\n');
  onProgress(163_000_000, 326_000_000);
  vi.advanceTimersByTime(100);
  expect(screen.text()).toContain('  163 MB of .debug_info  50%  12 s  s');
  onProgress(326_000_000, 326_000_000);
  vi.advanceTimersByTime(100);
  expect(screen.text()).toContain('  326 MB read, assembling types  12 s');
  close();
});

it('is silent where nobody watches', () => {
  const pipe = { ...terminal(80), isTTY: false };
  const { onProgress, close } = showConversion('vmlinux', pipe);
  onProgress(1, 2);
  vi.advanceTimersByTime(1000);
  close();
  expect(pipe.text()).toBe('');
});
