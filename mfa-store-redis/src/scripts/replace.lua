-- Replaces a record if revision and owner match. A call repeated after a lost answer finds its own revision.
-- Fields are set before others are removed, so a script that runs out of memory has changed nothing. KEYS[1]
-- the record. ARGV[1] the expected revision, ARGV[2] the new one, ARGV[3] the owner ('' if it may change),
-- ARGV[4] how many fields to remove; then their names, then the other fields and their values.
local stored = redis.call('HMGET', KEYS[1], 'revision', 'consumer')
if stored[1] == ARGV[2] then
    return 1
end
if stored[1] ~= ARGV[1] or (ARGV[3] ~= '' and stored[2] ~= ARGV[3]) then
    return 0
end
local removed = tonumber(ARGV[4])
redis.call('HSET', KEYS[1], 'revision', ARGV[2], unpack(ARGV, 5 + removed))
if removed > 0 then
    redis.call('HDEL', KEYS[1], unpack(ARGV, 5, 4 + removed))
end
return 1
