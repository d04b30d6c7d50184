-- Adds an entry to an index that is one sorted set. The set is marked as split when it is full; from then on
-- entries go elsewhere. KEYS[1] the index. ARGV[1] the entry, ARGV[2] how many entries it may have.
if redis.call('ZSCORE', KEYS[1], '') then
    return 0
end
redis.call('ZADD', KEYS[1], 0, ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
    redis.call('ZADD', KEYS[1], 0, '')
end
return 1
