import { expect, test } from 'vitest';
import { parseStates } from './states.ts';

const parse = (text: string) => parseStates(Buffer.from(text), 'https://x/releasemd.xml');

test('the states of a release, newest first', () => {
  const text = `<?xml version="1.0" encoding="UTF-8"?>
<root>
  <releases>
    <release version="2023.0.20230222"><package_updates/></release>
    <release version="2023.6.20241031" release_date="2024-10-31"/>
    <release version="2023.10.20260105"><releasenotes>https://x</releasenotes></release>
  </releases>
</root>`;
  expect(parse(text)).toEqual(['2023.10.20260105', '2023.6.20241031', '2023.0.20230222']);
});

test.each([
  ['<html><body>busy</body></html>', 'is no list of releases'],
  ['<root/>', 'is no list of releases'],
  ['<root><releases/><releases/></root>', 'is no list of releases'],
  ['<root><releases><release/></releases></root>', 'has no version in <release>'],
  ['<root><releases><release version="../../x"/></releases></root>', 'lists the release "../../x"'],
  [
    `<root><releases>${'<release version="2023.6.20241031"/>'.repeat(401)}</releases></root>`,
    'lists 401 releases',
  ],
  ['<root><releases>', 'is no sound XML'],
])('%.40s → index-malformed', (text, message) => {
  expect(() => parse(text)).toThrowError(
    expect.objectContaining({ code: 'index-malformed', message: expect.stringContaining(message) }),
  );
});
