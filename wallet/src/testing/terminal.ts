// The command `farthing` in processes of its own, for tests.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

type Ran = { status: number | null; out: string; err: string };
/** `ran` fills while it runs. */
type Started = { child: ChildProcess; ran: Ran; end: Promise<Ran> };

/** `wallet` says, for each process, where its wallet is and which broker it begins with. */
export function terminal(wallet: () => { data: string; brokerUrl: string; env?: Record<string, string> }) {
  const start = (...args: string[]): Started => {
    const { data, brokerUrl, env } = wallet();
    const command = join(import.meta.dirname, '..', 'node', 'farthing.ts');
    const child: ChildProcess = spawn(
      process.execPath,
      ['--conditions=farthing-source', '--disable-warning=ExperimentalWarning', command, ...args],
      {
        env: { ...process.env, FARTHING_WALLET: data, FARTHING_BROKER: brokerUrl, ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
    const ran: Ran = { status: null, out: '', err: '' };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      ran.out += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      ran.err += text;
    });
    const end = new Promise<Ran>((done) => child.on('close', (status) => done({ ...ran, status })));
    return { child, ran, end };
  };
  const cli = (...args: string[]): Promise<Ran> => start(...args).end;
  const json = async (...args: string[]) => {
    const ran = await cli(...args, '--json');
    return { ...ran, value: JSON.parse(ran.out) };
  };
  return { start, cli, json };
}
