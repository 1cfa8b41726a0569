// Server-sent events of a stream, as a client that reads the body sees them.
import type { JsonObject } from '@farthing/protocol';

/** `event` is `unit` where the source names none. */
export type Event = { readonly event: string; readonly data: JsonObject | number };

export async function* eventsOf(answer: Response): AsyncGenerator<Event> {
  let text = '';
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk).toString();
    for (let at = text.indexOf('\n\n'); at >= 0; at = text.indexOf('\n\n')) {
      const block = text.slice(0, at);
      text = text.slice(at + 2);
      const event = /^event: (.*)$/m.exec(block)?.[1] ?? 'unit';
      yield { event, data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? 'null') };
    }
  }
}

export async function allOf(answer: Response): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of eventsOf(answer)) events.push(event);
  return events;
}
