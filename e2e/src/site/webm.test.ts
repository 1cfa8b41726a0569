// The film that the Gazette sells by the second: its clusters are its seconds.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { film } from './content.ts';
import { cutWebm } from './webm.ts';

const file = readFileSync(join(import.meta.dirname, 'film', 'skerry-point.webm'));
/** The first element of a cluster is its time in milliseconds. */
const timeOf = (cluster: Uint8Array) => {
  const bytes = Buffer.from(cluster);
  const at = bytes.indexOf(0xe7);
  return bytes.readUIntBE(at + 2, (bytes[at + 1] ?? 0) & 0x0f);
};

test('the film is as many clusters as it has seconds, each beginning where its second does', () => {
  const { head, clusters } = cutWebm(file);
  expect(clusters).toHaveLength(film.seconds);
  for (const [n, cluster] of clusters.entries()) expect(Math.abs(timeOf(cluster) - n * 1000)).toBeLessThan(50);
  expect(Buffer.concat([head, ...clusters]).equals(file)).toBe(true);
});

test('what is no WebM file, or is cut off, is refused', () => {
  expect(() => cutWebm(new Uint8Array(100))).toThrow(RangeError);
  expect(() => cutWebm(new Uint8Array())).toThrow('no cluster');
  expect(() => cutWebm(file.subarray(0, 5000))).toThrow('cut off');
});
