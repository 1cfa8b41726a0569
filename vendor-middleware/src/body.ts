// The digest of a request body that a payment binds. The body is read before the handler and put back, so that body
// parsers after the wall find it untouched.

import { nativeCrypto } from '@farthing/node-kit';
import { bodyDigest, limits, PaymentProblem } from '@farthing/protocol';
import type { Request } from 'express';
import type { Problem } from './setup-error.ts';

let told = false;

/**
 * RFC 9530 text, or `undefined` for a request without a body, with one that was consumed before the wall, or with one
 * of more than `limits.digestBodyBytes`: those are bound by method and path alone.
 */
export async function bodyDigestOf(req: Request, tell: (problem: Problem) => void): Promise<string | undefined> {
  const announced = req.headers['content-length'];
  const hasBody = req.headers['transfer-encoding'] !== undefined || (announced !== undefined && announced !== '0');
  if (!hasBody || Number(announced ?? 0) > limits.digestBodyBytes) return undefined;
  if (req.readableEnded || req.readableFlowing !== null) return digestOfRaw(req, tell);
  const { bytes, whole } = await peek(req);
  return whole && bytes.length > 0 ? bodyDigest(bytes, nativeCrypto) : undefined;
}

/** A parser before the wall may have kept the bytes as `rawBody` (`express.json({ verify })`). */
function digestOfRaw(req: Request, tell: (problem: Problem) => void): string | undefined {
  if ('rawBody' in req && req.rawBody instanceof Uint8Array) return bodyDigest(req.rawBody, nativeCrypto);
  if (!told) {
    const message = 'a body parser runs before wall(), so that payments do not bind the body: put the wall first';
    tell({ code: 'body-parsed-before', message });
  }
  told = true;
  return undefined;
}

/** Reads up to the limit and unshifts it all before `end` was emitted: the stream is as if nobody had read. */
function peek(req: Request): Promise<{ bytes: Buffer; whole: boolean }> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    const done = (whole: boolean) => {
      req.off('readable', read).off('error', fail).off('close', fail);
      const bytes = Buffer.concat(parts, length);
      if (length > 0) req.unshift(bytes);
      resolve({ bytes, whole });
    };
    const fail = () => reject(new PaymentProblem('request-malformed', { detail: 'the request ended before its body' }));
    const read = () => {
      for (let part: unknown = req.read(); part !== null; part = req.read()) {
        if (!(part instanceof Buffer)) continue;
        parts.push(part);
        length += part.length;
        if (length > limits.digestBodyBytes) return done(false);
      }
      if (req.complete) done(true);
    };
    req.on('readable', read).on('error', fail).on('close', fail);
  });
}
