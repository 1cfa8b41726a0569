// One measured window of load: closed loop (as fast as the server answers) or open loop (at a given rate).
import { Connection } from './connection.ts';
import { quantile } from './stats.ts';

export type Load = {
  readonly port: number;
  readonly ms: number;
  readonly connections: number;
  /** Open loop: requests start when they are due, whether the server keeps up or not. */
  readonly perSecond?: number;
};

export type Window = {
  readonly requests: number;
  /** By status; 0 is a broken connection. A window with anything but 200 is no measurement. */
  readonly statuses: Readonly<Record<number, number>>;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of the load's own process over the elapsed time: near 1, the load was the limit and not the server. */
  readonly busy: number;
  /** Open loop: requests that were due and could not be sent, for want of a free connection or of time. */
  readonly behind: number;
};

const pools = new Map<string, Connection[]>();

/** The next request for a lane; the window ends early when there is none left. */
export type Take = (lane: number) => Buffer | undefined;

export async function run(take: Take, load: Load): Promise<Window> {
  const { ms, perSecond } = load;
  const free = await pool(load);
  const latencies: number[] = [];
  const statuses: Record<number, number> = {};
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const endMs = startMs + ms;
  const { promise: drained, resolve: drain } = Promise.withResolvers<void>();
  let open = 0;
  let over = false;
  let dry = false;

  const send = (connection: Connection) => {
    const request = take(connection.lane);
    if (!request) {
      // A lane that has run dry stops alone: others still have requests that follow each other.
      dry = true;
      free.push(connection);
      if (open === 0) stop();
      return;
    }
    const sentMs = performance.now();
    open++;
    connection.send(request, (status) => {
      open--;
      const nowMs = performance.now();
      latencies.push(nowMs - sentMs);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (nowMs >= endMs) stop();
      if (!over && perSecond === undefined) send(connection);
      else {
        free.push(connection);
        if (over && open === 0) drain();
      }
    });
  };
  const stop = () => {
    over = true;
    if (open === 0) drain();
  };

  let behind = 0;
  if (perSecond === undefined) for (const connection of free.splice(0)) send(connection);
  else behind = await atRate({ free, send, perSecond, startMs, endMs, isOver: () => over || dry });
  if (perSecond !== undefined) stop();
  await drained;
  const elapsedMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpu);
  return {
    requests: latencies.length,
    statuses,
    elapsedMs,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    busy: (user + system) / 1000 / elapsedMs,
    behind,
  };
}

type Rate = {
  readonly free: Connection[];
  readonly send: (connection: Connection) => void;
  readonly perSecond: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly isOver: () => boolean;
};

/** @returns how many requests that were due were not sent */
async function atRate({ free, send, perSecond, startMs, endMs, isOver }: Rate): Promise<number> {
  let sent = 0;
  let nowMs = performance.now();
  const due = () => Math.floor(((Math.min(nowMs, endMs) - startMs) * perSecond) / 1000);
  while (nowMs < endMs && !isOver()) {
    while (sent < due()) {
      const connection = free.pop();
      if (!connection) break;
      sent++;
      send(connection);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
    nowMs = performance.now();
  }
  return isOver() ? 0 : due() - sent;
}

async function pool({ port, connections }: Load): Promise<Connection[]> {
  const key = `${port} ${connections}`;
  const kept = pools.get(key) ?? Array.from({ length: connections }, (_, lane) => new Connection(port, lane));
  pools.set(key, kept);
  await Promise.all(kept.map((connection) => connection.open()));
  return [...kept];
}

/** When a server ends, its connections end with it. */
export function forget(port: number): void {
  for (const [key, connections] of pools) {
    if (!key.startsWith(`${port} `)) continue;
    for (const connection of connections) connection.close();
    pools.delete(key);
  }
}
