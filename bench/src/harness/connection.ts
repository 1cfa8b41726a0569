// A keep-alive HTTP/1.1 connection for one request at a time: as little work per request as can be, because load and
// server share two cores. Reads the status, and where the answer ends; nothing else.
import { connect, type Socket } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = Buffer.from('Content-Length: ');
const LENGTH_LOWER = Buffer.from('content-length: ');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const NOTHING = Buffer.alloc(0);

export type Answer = (status: number) => void;

export class Connection {
  /** Its number among the connections of a window: requests that must follow each other go over one lane. */
  readonly lane: number;
  readonly #port: number;
  #socket: Socket | undefined;
  #answer: Answer | undefined;
  #status = 0;
  /** Bytes of the body that are still to come; -1: the head is not complete, -2: the body comes in chunks. */
  #left = -1;
  #kept: Buffer = NOTHING;

  constructor(port: number, lane: number) {
    this.#port = port;
    this.lane = lane;
  }

  async open(): Promise<void> {
    if (this.#socket && !this.#socket.destroyed) return;
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => this.#done(0));
    socket.on('close', () => this.#done(0));
  }

  /** `answer` gets the status, or 0 when the connection broke. */
  send(request: Buffer, answer: Answer): void {
    this.#answer = answer;
    if (this.#socket?.writable) this.#socket.write(request);
    else
      this.open().then(
        () => this.#socket?.write(request),
        () => this.#done(0),
      );
  }

  close(): void {
    this.#socket?.destroy();
  }

  #read(chunk: Buffer): void {
    const data = this.#kept.length > 0 ? Buffer.concat([this.#kept, chunk]) : chunk;
    this.#kept = NOTHING;
    if (this.#left === -1) this.#readHead(data);
    else this.#readBody(data);
  }

  #readHead(data: Buffer): void {
    const end = data.indexOf(HEAD_END);
    if (end < 0) {
      this.#kept = data;
      return;
    }
    this.#status = Number(data.toString('latin1', 9, 12));
    const length = lengthIn(data, end);
    this.#left = length ?? -2;
    this.#readBody(data.subarray(end + HEAD_END.length));
  }

  #readBody(data: Buffer): void {
    if (this.#left >= 0) {
      this.#left -= data.length;
      if (this.#left === 0) this.#done(this.#status);
    } else if (data.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)) this.#done(this.#status);
    else this.#kept = data.subarray(-LAST_CHUNK.length + 1);
  }

  #done(status: number): void {
    const answer = this.#answer;
    this.#answer = undefined;
    this.#left = -1;
    this.#kept = NOTHING;
    answer?.(status);
  }
}

function lengthIn(data: Buffer, end: number): number | undefined {
  let at = data.indexOf(LENGTH);
  if (at < 0 || at > end) at = data.indexOf(LENGTH_LOWER);
  if (at < 0 || at > end) return undefined;
  let length = 0;
  for (let i = at + LENGTH.length; i < end; i++) {
    const digit = (data[i] ?? 0) - 48;
    if (digit < 0 || digit > 9) break;
    length = length * 10 + digit;
  }
  return length;
}
