import { startRedis } from '@farthing/node-kit/testing';
import { awaySuite } from '../../testing/away-suite.ts';
import { redis } from './redis.ts';

awaySuite('Redis', { start: () => startRedis(), open: (url) => redis(url) });
