// Portable Network Graphics (RFC 2083), 8 bits of red, green and blue, written row by row.

import { Readable } from 'node:stream';
import { crc32, createDeflate } from 'node:zlib';

export type Size = { readonly width: number; readonly height: number };

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
const [EIGHT_BITS, TRUECOLOUR, SUB] = [8, 2, 1];

/** `rows`: of 3 × width bytes each, from the top. */
export async function* png({ width, height }: Size, rows: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([EIGHT_BITS, TRUECOLOUR], 8);
  yield SIGNATURE;
  yield chunk('IHDR', head);
  for await (const packed of Readable.from(filtered(rows)).pipe(createDeflate({ level: 6 })))
    yield chunk('IDAT', packed);
  yield chunk('IEND', Buffer.alloc(0));
}

/** Each pixel as its difference from the one on its left: a sky packs to a tenth of what it would. */
async function* filtered(rows: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const row of rows) {
    const line = Buffer.alloc(row.length + 1);
    line[0] = SUB;
    for (let i = 0; i < row.length; i++) line[i + 1] = (row[i] ?? 0) - (row[i - 3] ?? 0);
    yield line;
  }
}

function chunk(name: string, data: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const framed = Buffer.alloc(named.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(named, 4);
  framed.writeUInt32BE(crc32(named), named.length + 4);
  return framed;
}
