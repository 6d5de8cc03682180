-- Requests with a different token each.
--   wrk … -s wrk.lua URL -- list FILE        the tokens of the file, one a line, in turn
--   wrk … -s wrk.lua URL -- forged TOKEN     the token with another signature each time, of the same length

local next_token

local function listed(file)
  local tokens, at = {}, 0
  for line in io.lines(file) do
    tokens[#tokens + 1] = line
  end
  return function()
    at = at % #tokens + 1
    return tokens[at]
  end
end

-- The first letters stay, so that the number is below every modulus; the last one too, so that no bit is loose.
local function forged(token)
  local head, tail, count = token:sub(1, #token - 24), token:sub(-8), os.time() % 1000 * 1000000
  return function()
    count = count + 1
    return head .. string.format("%016x", count) .. tail
  end
end

function init(args)
  next_token = args[1] == "list" and listed(args[2]) or forged(args[2])
end

function request()
  return wrk.format("GET", nil, { ["authorization"] = "Bearer " .. next_token() })
end
