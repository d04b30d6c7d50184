-- Deletes a record if the owner matches, and returns the name of its entry in the owner's index. KEYS[1] the
-- record. ARGV[1] the owner.
local stored = redis.call('HMGET', KEYS[1], 'consumer', 'incarnation')
if stored[1] ~= ARGV[1] then
    return false
end
redis.call('DEL', KEYS[1])
return stored[2]
