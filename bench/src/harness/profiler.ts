// A CPU profile of the own process, once it is warm: a profile of the whole life would mostly show how code is loaded.
import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { dirname } from 'node:path';

const EVERY_MICROS = 200;
let running: { readonly session: Session; readonly file: string } | undefined;

export async function startProfile(file: string): Promise<void> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: EVERY_MICROS });
  await session.post('Profiler.start');
  running = { session, file };
}

/** Writes what was seen, if anything. */
export async function endProfile(): Promise<void> {
  if (!running) return;
  const { session, file } = running;
  const { profile } = await session.post('Profiler.stop');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(profile));
}
