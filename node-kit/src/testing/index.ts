// What tests and benchmarks of several packages need of other programs.

export { cuttingProxy } from './cutting-proxy.ts';
export { type PostgresServer, postgresPrograms, startPostgres } from './postgres-server.ts';
export { homeOf, type RedisCluster, startMove, startRedisCluster } from './redis-cluster.ts';
export { cli, type RedisServer, startRedis } from './redis-server.ts';
export { anyPostgres, anyRedis, anyRedisCluster } from './running.ts';
