// Orders that this site stored before it sent them. They are kept as they were signed, and sent again as they are.
import type { JsonObject, Order } from '@farthing/protocol';

export const isTyped = (value: unknown): value is JsonObject & { typ: string } =>
  typeof value === 'object' && value !== null && 'typ' in value && typeof value.typ === 'string';

export const isOrder = (json: unknown): json is Order =>
  isTyped(json) &&
  ['from', 'rid', 'sig'].every((name) => typeof json[name] === 'string') &&
  typeof json['at'] === 'number';
