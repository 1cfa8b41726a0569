import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { png } from './png.ts';
import { paint } from './skerry-point.ts';

async function all(from: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for await (const part of from) parts.push(part);
  return parts;
}

const SIZE = { width: 48, height: 30 };

/** Chunks by name, as a reader finds them. @throws {Error} a checksum that does not fit */
function chunksOf(file: Buffer): [name: string, data: Buffer][] {
  const chunks: [string, Buffer][] = [];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    chunks.push([file.toString('latin1', at + 4, at + 8), file.subarray(at + 8, at + 8 + length)]);
    at += length + 12;
  }
  return chunks;
}

const printed = async (): Promise<Buffer> => Buffer.concat(await all(png(SIZE, paint(SIZE))));

test('the print is a picture whose pixels are those that were painted', async () => {
  const file = await printed();
  const chunks = chunksOf(file);
  expect(file.subarray(1, 4).toString()).toBe('PNG');
  expect([chunks[0]?.[0], chunks.at(-1)?.[0]]).toEqual(['IHDR', 'IEND']);
  const packed = Buffer.concat(chunks.filter(([name]) => name === 'IDAT').map(([, data]) => data));
  const lines = inflateSync(packed);
  const rows = await all(paint(SIZE));
  expect(lines.length).toBe((SIZE.width * 3 + 1) * SIZE.height);
  for (const [y, row] of rows.entries()) {
    const line = lines.subarray(y * (row.length + 1), (y + 1) * (row.length + 1));
    expect(line[0]).toBe(1);
    const pixels = Buffer.alloc(row.length);
    for (let i = 0; i < row.length; i++) pixels[i] = (line[i + 1] ?? 0) + (pixels[i - 3] ?? 0);
    expect(pixels.equals(row)).toBe(true);
  }
});

test('the print is the same each time, or its buyers could not compare it', async () => {
  const digest = async () =>
    createHash('sha256')
      .update(await printed())
      .digest('hex');
  expect(await digest()).toBe(await digest());
});
