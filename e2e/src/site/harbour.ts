// What the harbour office sells by the unit: tide tables by the day, and its radio log by the message.

export const tidesPrice = '0.0002 USD';
/** Days that one request may ask for. */
export const mostDays = 14;

/** How much later than at the pier the water comes, and how much higher. */
export type Port = { readonly name: string; readonly lateMinutes: number; readonly higherDecimetres: number };
export const ports: ReadonlyMap<string, Port> = new Map([
  ['pier', { name: 'The pier', lateMinutes: 0, higherDecimetres: 0 }],
  ['skerry-point', { name: 'Skerry Point', lateMinutes: -25, higherDecimetres: -3 }],
  ['north-mole', { name: 'North mole', lateMinutes: 40, higherDecimetres: 4 }],
]);

type Tide = { readonly at: string; readonly metres: string; readonly kind: 'high' | 'low' };

/** Made of the two tides a day that every harbour has: good enough for a newspaper that nobody steers by. */
function tidesOf(day: Date, { lateMinutes, higherDecimetres }: Port): Tide[] {
  const minutesOfMoon = Math.floor(day.getTime() / 86_400_000) * 50;
  return [0, 1, 2, 3]
    .map((n): Tide => {
      const minute = (minutesOfMoon + lateMinutes + 1440 + n * 372) % 1440;
      const kind = n % 2 === 0 ? 'high' : 'low';
      const decimetres =
        kind === 'high' ? 42 + higherDecimetres + ((minutesOfMoon + n) % 7) : 6 + ((minutesOfMoon + n) % 5);
      const at = `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
      return { at, metres: (decimetres / 10).toFixed(1), kind };
    })
    .sort((a, b) => a.at.localeCompare(b.at));
}

export type TideTable = { readonly port: string; readonly days: readonly { date: string; tides: readonly Tide[] }[] };

/** @param days how many, from `first` on */
export function tideTable(port: Port, first: Date, days: number): TideTable {
  const dates = Array.from({ length: days }, (_, n) => new Date(first.getTime() + n * 86_400_000));
  return {
    port: port.name,
    days: dates.map((day) => ({ date: day.toISOString().slice(0, 10), tides: tidesOf(day, port) })),
  };
}

export const radio = { title: 'The harbour radio log', price: '0.0001 USD', everyMs: 1000 } as const;

const calls = [
  ['Pilot', 'Coaster Marta Lund at the outer buoy, bound in, herring. Boarding now.'],
  ['Harbour', 'Marta Lund, berth four. Mind the dredger.'],
  ['Dredger', 'We mind ourselves, thank you.'],
  ['Skerry Point', 'Light lit at dusk. Wind none. Visibility good.'],
  ['Ferry', 'Nine cars, forty people, one piano. Leaving on time.'],
  ['Harbour', 'Ferry, that is the third piano this week.'],
  ['Ferry', 'They never come back with one.'],
  ['Pilot', 'Marta Lund alongside. The price is up again.'],
  ['Skerry Point', 'Fog from the west. Starting the horn: two long, one short.'],
  ['Harbour', 'All vessels: visibility two cables and falling.'],
  ['Dinghy', 'Is that the moon?'],
  ['Skerry Point', 'That is me. Keep rowing.'],
] as const;

/** Messages, one after the other, as events of a `text/event-stream`. The log never ends. */
export function* radioLog(): Generator<string> {
  for (let n = 0; ; n++) {
    const [from, text] = calls[n % calls.length] ?? ['Harbour', 'Nothing to report.'];
    yield `id: ${n}\ndata: ${JSON.stringify({ n: n + 1, from, text })}\n\n`;
  }
}
