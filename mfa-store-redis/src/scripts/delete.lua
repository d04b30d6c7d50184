-- Deletes a record if the owner matches, and returns the name of its entry in the owner's index. For a while, a
-- note remembers who deleted it: a call repeated after a lost answer finds its own. KEYS[1] the record, KEYS[2]
-- the note. ARGV[1] the owner, ARGV[2] the number of this call, ARGV[3] how long the note lives, in milliseconds.
local stored = redis.call('HMGET', KEYS[1], 'consumer', 'incarnation')
if stored[1] ~= ARGV[1] then
    local note = redis.call('GET', KEYS[2])
    local number, incarnation = string.match(note or '', '^(%d+):(.*)$')
    if number == ARGV[2] then
        return incarnation
    end
    return false
end
-- Without memory for the note, the record is deleted all the same.
redis.pcall('SET', KEYS[2], ARGV[2] .. ':' .. (stored[2] or ''), 'PX', ARGV[3])
redis.call('DEL', KEYS[1])
return stored[2]
