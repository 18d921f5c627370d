# Compares the output of a program with what is expected of it; see check_output.sh.
# Arguments: the expected text, the output. Exit status 0 when they agree.

# An extended regular expression for a line of the expected text.
function pattern_of(line,    pattern, name, c) {
  pattern = ""
  while (line != "") {
    if (match(line, /^<[a-z]+>/) && (name = substr(line, 2, RLENGTH - 2)) in placeholders) {
      pattern = pattern placeholders[name]
      line = substr(line, RLENGTH + 1)
      continue
    }
    c = substr(line, 1, 1)
    line = substr(line, 2)
    if (c == "^" || c == "\\") pattern = pattern "\\" c
    else if (c ~ /[A-Za-z0-9 ]/) pattern = pattern c
    else pattern = pattern "[" c "]"
  }
  return "^" pattern "$"
}

# True when every sequence of the block has been seen to its end.
function block_is_done(b,    s) {
  for (s = 0; s < sequences[b]; s++) if (seen[b, s] + 0 < lines[b, s]) return 0
  return 1
}

function fail(message) {
  print message > "/dev/stderr"
  failed = 1
  exit 1
}

BEGIN {
  placeholders["number"] = "[0-9]+"
  placeholders["decimal"] = "[0-9]+[.][0-9]+"
  placeholders["address"] = "0x[0-9a-f]+"
  placeholders["word"] = "[A-Za-z0-9_]+"
  placeholders["any"] = ".*"
  blocks = 1
  block = 0
  sequences[0] = 1
}

# The expected text. Not FNR == NR: it may be empty.
FILENAME == ARGV[1] {
  b = blocks - 1
  if ($0 == "===") sequences[blocks++] = 1
  else if ($0 == "---") sequences[b]++
  else {
    s = sequences[b] - 1
    text[b, s, lines[b, s] + 0] = $0
    lines[b, s]++
  }
  next
}

# The output: each line must be the next one of some sequence of the block.
{
  while (block < blocks - 1 && block_is_done(block)) block++
  for (s = 0; s < sequences[block]; s++) {
    i = seen[block, s] + 0
    if (i < lines[block, s] && $0 ~ pattern_of(text[block, s, i])) {
      seen[block, s]++
      next
    }
  }
  fail("line " FNR " is not expected here: " $0)
}

END {
  if (failed) exit 1
  for (b = 0; b < blocks; b++) {
    for (s = 0; s < sequences[b]; s++) {
      i = seen[b, s] + 0
      if (i < lines[b, s]) fail("missing: " text[b, s, i])
    }
  }
}
