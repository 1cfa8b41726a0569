// Lua, last part: what is due, documents, numbers and quotas, the sweep, and the batch itself.
import { ANSWERS } from './script-payments.ts';

const { known, none, tooMuch } = ANSWERS;

export const REST = `
local function claimsDue(op)
  local _, _, limit, kind = unpack(op)
  flush()
  local due = {}
  if limit < 1 then return due end
  for i, key in ipairs(redis.call('ZRANGE', tag .. 'due:' .. kind, 0, limit - 1)) do
    local claim = claimOf(key)
    due[i] = { key, claim.total, claim.evidence, get(D .. key) or '' }
  end
  return due
end

local function countDue(op)
  local _, _, atMost, kind = unpack(op)
  flush()
  if kind then return math.min(atMost, redis.call('ZCARD', tag .. 'due:' .. kind)) end
  local count = 0
  for _, one in ipairs(redis.call('SMEMBERS', tag .. 'kinds')) do
    count = count + redis.call('ZCARD', tag .. 'due:' .. one)
  end
  return math.min(atMost, count)
end

-- 'was' and values: a list of one text, or an empty one for none.
local function isDoc(key, was)
  return (get(DOC .. key) or nil) == was[1]
end

local function put(key, value)
  set(DOC .. key, value[1] or false)
end

local function claimsPaid(op)
  local _, _, paid, key, was, puts = unpack(op)
  if not isDoc(key, was) then return { ${none} } end
  for _, one in ipairs(paid) do
    local was = claimOf(one[1])
    if not was.isNew then
      local claim = { untilMs = was.untilMs, total = was.total, paid = was.paid, rank = was.rank, evidence = was.evidence }
      if more(one[2], claim.paid) then claim.paid = one[2] end
      if one[3] == 1 and claim.paid == claim.total then claim.rank, claim.evidence = '-', '' end
      setClaim(one[1], claim)
    end
  end
  for _, one in ipairs(puts) do put(one[1], one[2]) end
  return 0
end

local function swapDoc(op)
  local _, _, key, was, value = unpack(op)
  if not isDoc(key, was) then return { ${none} } end
  put(key, value)
  return 0
end

local function listDocs(op)
  local prefix = op[3]
  flush()
  local docs = {}
  for i, key in ipairs(redis.call('ZRANGEBYLEX', tag .. 'docs', '[' .. prefix, '[' .. prefix .. '\\255')) do
    docs[i] = { key, get(DOC .. key) }
  end
  return docs
end

local function lease(op)
  local first = get(N .. op[3]) or '1'
  set(N .. op[3], plus(first, op[4]))
  return first
end

local function take(op)
  local _, _, key, limit, untilMs = unpack(op)
  local used = tonumber(string.match(get(Q .. key) or '0 0', ' (%d+)$')) + 1
  if used > limit then return { ${none} } end
  keep(Q .. key, string.format('%s %.0f', untilMs, used))
  return 0
end

local function unsettled(op)
  local limit = op[3]
  flush()
  local found, cursor = {}, '0'
  while #found < limit do
    local part = redis.call('HSCAN', tag .. 'open', cursor, 'COUNT', math.min(limit, 1000))
    cursor = part[1]
    for i = 1, #part[2], 2 do
      local id = part[2][i]
      if #found < limit then found[#found + 1] = { id, get(P .. id) or '' } end
    end
    if cursor == '0' then break end
  end
  return found
end

local function forget(key, row)
  local kind, name = string.match(string.sub(key, #tag + 1), '^(%a):(.*)$')
  if kind == 'p' then
    for _, spend in ipairs(headOf(row).s) do set(S .. spend, false) end
    if openOf(name) then setOpen(name, false) end
  elseif kind == 'c' then
    dueChanged[#dueChanged + 1] = { name, false }
    dropClaim(name)
  end
  set(key, false)
end

-- About 'limit' rows of the minute, those first that were put there first. How many left it for good.
local function sweepMinute(minute, nowMs, limit)
  local list = tag .. 'e:' .. minute
  local waiting = redis.call('LLEN', list)
  local keys = waiting > 0 and redis.call('LPOP', list, math.min(limit, waiting)) or {}
  local gone = 0
  for _, key in ipairs(keys) do
    local row = get(key)
    local dueMs = row and dueOf(key, row)
    if not dueMs or dueMs < nowMs then
      if dueMs then forget(key, row) end
      gone = gone + 1
    else
      plan(key, dueMs)
      if math.floor(dueMs / MINUTE) > tonumber(minute) then gone = gone + 1 end
    end
  end
  flush()
  if redis.call('EXISTS', list) == 0 then redis.call('ZREM', tag .. 'ends', minute) end
  return gone
end

local function sweep(op)
  local nowMs, limit = tonumber(op[3]), op[4]
  flush()
  local gone = 0
  local minutes = redis.call('ZRANGEBYSCORE', tag .. 'ends', '-inf', math.floor(nowMs / MINUTE), 'LIMIT', 0, MOST)
  for _, minute in ipairs(minutes) do
    gone = gone + sweepMinute(minute, nowMs, limit)
    if gone >= limit then break end
  end
  return gone
end

local function rowOf(op)
  return get(tag .. op[3]) or ''
end

local function docOf(op)
  local value = get(DOC .. op[3])
  return value and { value } or {}
end

local function find(op)
  return { get(P .. op[3]) or '', openOf(op[3]) or '' }
end

-- New payments of new instruments, the only step of its batch: all rows are made, or none. Behind the steps come keys and rows, those of
-- payments first; 'runs' says how many of these have which minute.
local function fresh(op)
  local _, _, runs, claimSteps, opened = unpack(op)
  local totals, order = booked(claimSteps, {})
  if not totals then return { ${tooMuch} } end
  -- Nor is anything made by a server whose memory is full: the steps one by one may still be refusals.
  if redis.pcall('MSETNX', unpack(ARGV, 4)) ~= 1 then return { ${known} } end
  local at = 4
  for _, run in ipairs(runs) do
    local keys = planned[run[1]] or {}
    for _ = 1, run[2] do
      keys[#keys + 1] = ARGV[at]
      at = at + 2
    end
    planned[run[1]] = keys
  end
  for i = 1, #opened, 2 do setOpen(opened[i], opened[i + 1]) end
  book(totals, order)
  return 0
end

local steps = {
  fresh = fresh, reserve = reserve, settle = settle, takeOver = takeOver, changeSession = changeSession, find = find, row = rowOf, doc = docOf,
  unsettled = unsettled, claimsDue = claimsDue, countDue = countDue, claimsPaid = claimsPaid, swapDoc = swapDoc,
  listDocs = listDocs, lease = lease, take = take, sweep = sweep,
}

-- Everything that most operations will read, in two commands.
local function readAhead(ops)
  local keys, ids = {}, {}
  for _, one in ipairs(ops) do
    local op = one[1]
    if op[1] == 'reserve' then
      keys[#keys + 1] = P .. op[3]
      for _, key in ipairs(op[4]) do keys[#keys + 1] = S .. key end
    elseif op[1] == 'settle' then
      keys[#keys + 1] = P .. op[3]
      ids[#ids + 1] = op[3]
    end
  end
  local at = 0
  inParts(keys, function(...)
    for _, row in ipairs(redis.call('MGET', ...)) do
      at = at + 1
      page[keys[at]] = row
    end
  end)
  at = 0
  inParts(ids, function(...)
    for _, row in ipairs(redis.call('HMGET', tag .. 'open', ...)) do
      at = at + 1
      open[ids[at]] = row
    end
  end)
end

local ops = {}
local at = 3
for i, op in ipairs(cjson.decode(ARGV[at])) do
  local raws = {}
  for n = 1, op[2] do raws[n] = ARGV[at + n] end
  ops[i] = { op, raws }
  at = at + op[2]
end
readAhead(ops)
local answers = {}
for i, one in ipairs(ops) do answers[i] = steps[one[1][1]](one[1], one[2]) end
flush()
return answers
`;
