-- Trees, strings and closures that come and go: what a script engine allocates.
local state = 1
local function chance(limit)
  state = (state * 1103515245 + 12345) % 2147483648
  return (state >> 8) % limit
end

local function tree(depth)
  if depth == 0 then return {value = chance(100)} end
  return {left = tree(depth - 1), right = tree(depth - 1), value = depth}
end

local function sum(node)
  if not node.left then return node.value end
  return node.value + sum(node.left) + sum(node.right)
end

local total = 0
for round = 1, 24 do total = total + sum(tree(14)) end
print("trees", total)

local words, names = {}, {}
for i = 1, 200000 do
  local word = string.format("%x-%d", chance(50000), i % 7)
  if not words[word] then names[#names + 1] = word end
  words[word] = (words[word] or 0) + 1
end
table.sort(names)
print("words", #names, names[1], words[names[1]], names[#names])

local steps = {}
for i = 1, 100000 do
  local kept = tostring(i)
  steps[i % 5000 + 1] = function() return #kept + i end
end
local reached = 0
for _, step in ipairs(steps) do reached = reached + step() end
print("closures", reached)

local parts = {}
for line in string.rep("alpha beta gamma delta\n", 20000):gmatch("[^\n]+") do
  parts[#parts + 1] = line:upper():reverse():gsub("A", "aa")
end
print("lines", #parts, #table.concat(parts))
