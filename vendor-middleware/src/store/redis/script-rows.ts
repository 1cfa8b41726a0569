// Lua, first part: the rows that a batch reads and changes, as a page that is written when everything is decided. So an error
// on the way leaves nothing half done, and a thousand rows cost a handful of commands.
import { limits } from '@farthing/protocol';

/**
 * Rows are strings. `p:` payments, `s:` instruments (the payment that has each), `t:` tallies, `c:` claims, `x:` sessions, `d:` deeds,
 * `q:` quotas, `n:` leases, `doc:` documents. Those that end begin with the time they end at. Beside them: `open`, a hash of payments without a
 * verdict; `due:` and a kind of `kinds`, the claims that are due, in the order they became it; `docs`, the names of documents; `e:` and a
 * minute of `ends`, what may be forgotten from then on.
 */
export const ROWS = `
local tag = ARGV[1]
-- Who flushed the database, or made an empty replica the master, took the memory of what was spent with it.
if redis.call('GET', KEYS[1]) ~= ARGV[2] then
  return redis.error_reply('GONE what was stored is no longer there')
end

-- What names of rows begin with.
local P, S, T, C, X = tag .. 'p:', tag .. 's:', tag .. 't:', tag .. 'c:', tag .. 'x:'
local D, Q, N, DOC = tag .. 'd:', tag .. 'q:', tag .. 'n:', tag .. 'doc:'

local MINUTE = 60000
local KEPT = ${limits.retentionMs}
local KEPT_OF = { p = ${limits.retentionMs + limits.clockSkewMs}, q = 0 }
local SUM_MAX = '${limits.sumMax}'
-- Lua passes at most so many values to a command.
local MOST = 4000

local page, changed = {}, {}
local open, openChanged = {}, {}
-- Claims are read and printed once in a batch, however many payments add to one.
local claims, claimChanged = {}, {}
local planned, dueChanged = {}, {}

local function get(key)
  local row = page[key]
  if row == nil then
    row = redis.call('GET', key)
    page[key] = row
  end
  return row
end

-- false: there is none.
local function set(key, row)
  page[key] = row
  changed[key] = true
end

local function openOf(id)
  local row = open[id]
  if row == nil then
    row = redis.call('HGET', tag .. 'open', id)
    open[id] = row
  end
  return row
end

local function setOpen(id, row)
  open[id] = row
  openChanged[id] = true
end

local function dueOf(key, row)
  local untilMs = tonumber(string.sub(row, 1, string.find(row, ' ', 1, true) - 1))
  return untilMs and untilMs + (KEPT_OF[string.sub(key, #tag + 1, #tag + 1)] or KEPT)
end

local function plan(key, dueMs)
  local minute = math.floor(dueMs / MINUTE)
  local keys = planned[minute]
  if not keys then
    keys = {}
    planned[minute] = keys
  end
  keys[#keys + 1] = key
end

-- A row is planned for once: when its time comes and it has got a later one, the sweep moves it.
local function keep(key, row)
  local was = get(key)
  local dueMs = dueOf(key, row)
  if dueMs and (not was or (dueOf(key, was) or math.huge) > dueMs) then plan(key, dueMs) end
  set(key, row)
end

local function inParts(list, run)
  for from = 1, #list, MOST do run(unpack(list, from, math.min(from + MOST - 1, #list))) end
end

local function kindOf(key)
  return string.match(key, '^[^:]*:') or ''
end

local function flushDue()
  for _, change in ipairs(dueChanged) do
    local key, isDue = change[1], change[2]
    local kind = kindOf(key)
    if isDue then
      redis.call('ZADD', tag .. 'due:' .. kind, 'NX', redis.call('INCR', tag .. 'seq'), key)
      redis.call('SADD', tag .. 'kinds', kind)
    else
      redis.call('ZREM', tag .. 'due:' .. kind, key)
    end
  end
  dueChanged = {}
end

local function flush()
  for key in pairs(claimChanged) do
    local claim = claims[key]
    set(C .. key, table.concat({ claim.untilMs, claim.total, claim.paid, claim.rank, claim.evidence }, ' '))
  end
  local sets, gone, docs = {}, {}, {}
  for key in pairs(changed) do
    local row = page[key]
    if row then
      sets[#sets + 1] = key
      sets[#sets + 1] = row
    else
      gone[#gone + 1] = key
    end
    if string.sub(key, 1, #DOC) == DOC then docs[#docs + 1] = key end
  end
  inParts(sets, function(...) redis.call('MSET', ...) end)
  inParts(gone, function(...) redis.call('DEL', ...) end)
  for _, key in ipairs(docs) do
    local name = string.sub(key, #DOC + 1)
    if page[key] then redis.call('ZADD', tag .. 'docs', 0, name) else redis.call('ZREM', tag .. 'docs', name) end
  end
  local opened, closed = {}, {}
  for id in pairs(openChanged) do
    local row = open[id]
    if row then
      opened[#opened + 1] = id
      opened[#opened + 1] = row
    else
      closed[#closed + 1] = id
    end
  end
  inParts(opened, function(...) redis.call('HSET', tag .. 'open', ...) end)
  inParts(closed, function(...) redis.call('HDEL', tag .. 'open', ...) end)
  for number, keys in pairs(planned) do
    local minute = string.format('%.0f', number)
    redis.call('ZADD', tag .. 'ends', minute, minute)
    inParts(keys, function(...) redis.call('RPUSH', tag .. 'e:' .. minute, ...) end)
  end
  changed, openChanged, claimChanged, planned = {}, {}, {}, {}
  flushDue()
end

-- Amounts are decimal text: Lua's numbers are exact to 2^53 only.
local function more(a, b)
  if #a ~= #b then return #a > #b end
  return a > b
end

local function parts(amount)
  return tonumber(string.sub(amount, 1, -10)) or 0, tonumber(string.sub(amount, -9))
end

local function printed(high, low)
  if high == 0 then return string.format('%.0f', low) end
  return string.format('%.0f%09.0f', high, low)
end

local function plus(a, b)
  if #a < 15 and #b < 15 then return string.format('%.0f', tonumber(a) + tonumber(b)) end
  local highA, lowA = parts(a)
  local highB, lowB = parts(b)
  local high, low = highA + highB, lowA + lowB
  if low >= 1e9 then return printed(high + 1, low - 1e9) end
  return printed(high, low)
end

-- Nothing goes below zero: what was counted before may have been forgotten with its time.
local function minus(a, b)
  if not more(a, b) then return '0' end
  local highA, lowA = parts(a)
  local highB, lowB = parts(b)
  local high, low = highA - highB, lowA - lowB
  if low < 0 then return printed(high - 1, low + 1e9) end
  return printed(high, low)
end
`;
