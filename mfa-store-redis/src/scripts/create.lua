-- Creates a record unless there is one. A call repeated after a lost answer finds the record it made, which
-- may have been changed since. KEYS[1] the record. ARGV[1] its revision, and from ARGV[2] on its fields and
-- their values.
local incarnation = redis.call('HGET', KEYS[1], 'incarnation')
if incarnation or redis.call('EXISTS', KEYS[1]) == 1 then
    return incarnation == ARGV[1] and 1 or 0
end
redis.call('HSET', KEYS[1], 'revision', ARGV[1], 'incarnation', ARGV[1], unpack(ARGV, 2))
return 1
