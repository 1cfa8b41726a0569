// Processes of the benchmark and what they ask of each other: typed calls over the channel that Node gives a fork.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';

type Question = { readonly id: number; readonly name: string; readonly argument: unknown };
type Reply = { readonly id: number; readonly result?: unknown; readonly error?: string };

/** What a process answers: each call takes one argument that can be cloned. */
export type Calls<Api> = { readonly [Name in keyof Api]: (argument: never) => unknown };

/** Started with the same conditions as this process; ends with it. */
export class Child<Api extends Calls<Api>> {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #last = 0;

  constructor(file: string, execArgv: readonly string[] = []) {
    this.#process = fork(file, [], {
      execArgv: [...process.execArgv, ...execArgv],
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#process.on('message', ({ id, result, error }: Reply) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result as never);
      else waiting?.reject(new Error(error));
    });
    this.#process.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${file} ended with ${code}`));
    });
  }

  call<Name extends keyof Api & string>(
    name: Name,
    argument: Parameters<Api[Name]>[0],
  ): Promise<Awaited<ReturnType<Api[Name]>>> {
    return new Promise((resolve, reject) => {
      const id = ++this.#last;
      this.#waiting.set(id, { resolve, reject });
      this.#process.send({ id, name, argument } satisfies Question);
    });
  }

  /** For the rest of its life it runs when nobody else wants to. */
  yieldCores(): void {
    const { pid } = this.#process;
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  }

  /** Asks to end by closing the channel, and waits until it has. */
  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

/** In the child: answers calls until the parent has gone; `close` runs then. */
export function answerCalls<Api extends Calls<Api>>(api: Api, close: () => unknown = () => undefined): void {
  const byName = new Map<string, (argument: never) => unknown>(Object.entries(api));
  process.on('message', ({ id, name, argument }: Question) => {
    const reply = (answer: Omit<Reply, 'id'>) => process.send?.({ id, ...answer } satisfies Reply);
    const run = async () => byName.get(name)?.(argument as never);
    run().then(
      (result: unknown) => reply({ result }),
      (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on('disconnect', () => {
    const end = async () => close();
    end().finally(() => process.exit(0));
  });
}
