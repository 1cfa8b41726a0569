// Codes go out by a program of the operator, such as one that calls a mail or message service: one run for each, with JSON on its
// standard input.
import { spawn } from 'node:child_process';
import type { SendCode } from './kit.ts';

const PATIENCE_MS = 15_000;

/** @param command path of the program, which gets no arguments: what is in a process list is no secret */
export const sendByProgram =
  (command: string): SendCode =>
  (message) =>
    new Promise((resolve, reject) => {
      const child = spawn(command, [], { stdio: ['pipe', 'ignore', 'ignore'], timeout: PATIENCE_MS });
      child.once('error', reject);
      child.once('exit', (status) => {
        if (status === 0) resolve();
        else reject(new Error(`${command} ended with ${status ?? 'a signal'}`));
      });
      // A program that does not read to the end has its exit status to say so.
      child.stdin.on('error', () => undefined);
      child.stdin.end(JSON.stringify(message));
    });
