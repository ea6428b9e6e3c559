"""Finds the classes, functions and tests of a C++ file.

No compiler: it knows comments, strings, braces and parentheses, and what the
words before a brace look like. That is enough for code in this project's
style, and it works on code that does not compile yet.
"""

import bisect
import functools
import re
from typing import NamedTuple

NOT_CODE = re.compile(
    r'//(?:\\\n|[^\n])*|/\*.*?\*/'                    # comments
    r'|\bR"(?P<raw>[^\s()\\]{0,16})\(.*?\)(?P=raw)"'  # raw strings
    r'|"(?:\\.|[^"\\\n])*"'                           # strings
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'",          # characters, not 1'000
    re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.M)
TOKEN = re.compile(r"[{};(]|\b(?:public|private|protected)\s*:(?!:)")
ATTRIBUTE = re.compile(
    r"\[\[.*?\]\]|\b(?:__attribute__|alignas|[A-Z][A-Z0-9_]{2,})\s*(?=\()",
    re.S)
TEST = re.compile(r"\s*(?:TYPED_)?TEST(?:_F|_P)?\s*\(\s*(\w+)\s*,\s*(\w+)"
                  r"\s*\)\s*$")
# The name is the last word: class SCOPED_CAPABILITY MutexLock final : …
CLASS = re.compile(r"(?:typedef\s+)?(?:class|struct|union|enum(?:\s+class|"
                   r"\s+struct)?)\b((?:\s+(?!final\b)[A-Za-z_]\w*"
                   r"(?:::\w+)*)*)")
NAME = re.compile(
    r"((?:[A-Za-z_]\w*(?:<[^<>()]*>)?\s*::\s*)*"
    r"(?:operator\s*(?:\(\s*\)|\[\s*\]|\"\"\s*\w+|(?:new|delete)(?:\s*\[\s*"
    r"\])?|[-+*/%^&|~!=<>,]+|[A-Za-z_][\w:]*(?:\s*[*&]+)?)"
    r"|~?\s*[A-Za-z_]\w*))\s*\($")
NO_FUNCTION = {"if", "for", "while", "switch", "return", "sizeof", "catch",
               "static_assert", "decltype", "alignof", "noexcept", "defined"}
NO_DECLARATION = re.compile(r"\s*(using|typedef|friend|return|throw|goto|"
                            r"extern\s+template)\b")


class Entity(NamedTuple):
    """A class, function or test, as it stands in one file."""
    kind: str    # "class", "function" or "test"
    name: str    # FixedPool::Allocate; without namespaces
    key: str     # the name, and for a function its parameters
    first: int   # the line of its first word
    last: int    # the line of its closing brace or semicolon
    body: bool   # False for a declaration
    text: str    # its words; for a class, only its own: no functions
    public: bool = True


def _spaces(match):
    return re.sub(r"[^\n]", " ", match.group())


def without_comments(text):
    """The text with comments blanked and everything in its place."""
    return NOT_CODE.sub(lambda match: _spaces(match) if match.group()
                        .startswith("/") else match.group(), text)


@functools.lru_cache(maxsize=64)
def shape(text):
    """The text with comments, strings and directives blanked, in place."""
    def blank(match):
        word = match.group()
        if word[0] in "\"'" and len(word) >= 2:
            return word[0] + _spaces(match)[1:-1] + word[-1]
        return _spaces(match)
    return DIRECTIVE.sub(_spaces, NOT_CODE.sub(blank, text))


def _pairs(text, opening, closing):
    """Where each opening sign is closed; the text's end if it never is."""
    found, open_places = {}, []
    for match in re.finditer(f"[{opening}{closing}]", text):
        if match.group() in closing:
            if open_places:
                found[open_places.pop()] = match.start()
        else:
            open_places.append(match.start())
    found.update((place, len(text)) for place in open_places)
    return found


def _without_template(head):
    """The head without its template<…> prefixes."""
    head = head.lstrip()
    while re.match(r"template\s*<", head):
        depth, place = 0, head.index("<")
        for place in range(place, len(head)):
            depth += {"<": 1, ">": -1}.get(head[place], 0)
            if depth == 0:
                break
        head = head[place + 1:].lstrip()
    return head


def _without_attributes(head):
    """The head without [[…]], alignas(…) and GUARDED_BY(…)."""
    while True:
        match = ATTRIBUTE.search(head)
        if not match:
            return head
        end = match.end()
        if not match.group().startswith("[["):
            end = _pairs(head, "(", ")").get(match.end(), len(head)) + 1
        head = head[:match.start()] + " " + head[end:]


def plain_head(text):
    """A declaration without what a caller need not know."""
    return _without_attributes(_without_template(text))


def _function_in(head):
    """(name, parameters) of the function that a head declares, or None."""
    closes = _pairs(head, "(", ")")
    for place in sorted(closes):
        before = head[:place]
        match = NAME.search(head[:place + 1])
        if match and "operator" not in match.group(1) and (
                before.count("<") > before.replace("->", "").count(">")):
            continue  # the parenthesis of std::function<void(int)>
        if re.search(r"\boperator\s*$", before):
            continue  # the first pair of operator()()
        if not match:
            return None
        name = re.sub(r"\s+|<[^<>()]*>(?=\s*::)", "", match.group(1))
        if "operator" in name:
            name = re.sub(r"operator\s*", "operator ", match.group(1)).strip()
            name = re.sub(r"operator ([^\w])", r"operator\1", name)
        lead = head[:match.start(1)].rstrip()
        after = head[place + 1:].lstrip()
        if (name in NO_FUNCTION or "=" in lead or lead.endswith((".", "->"))
                or after[:1] in ("*", "&", "^")):
            return None
        parameters = head[place + 1:closes[place]]
        return name, re.sub(r"\s*=[^,]*", "", " ".join(parameters.split()))
    return None


@functools.lru_cache(maxsize=64)
def _braces_and_lines(text):
    """The pairs of braces of a text, and where each of its lines begins."""
    code, places = shape(text), [0]
    for match in re.finditer("\n", code):
        places.append(match.end())
    return _pairs(code, "{", "}"), [*places, len(code)]


def body_span(text, entity):
    """The places of the braces around a function's body."""
    braces, lines = _braces_and_lines(text)
    first, last = lines[entity.first - 1], lines[entity.last]
    # Those of a member's initialiser, a_{1}, close before the body opens.
    return max(((place, end) for place, end in braces.items()
                if first <= place and end < last), key=lambda pair: pair[1])


class _Walk:
    """Goes through one file, scope by scope."""

    def __init__(self, text):
        self.entities = []
        self._shape = shape(text)
        self._code = DIRECTIVE.sub(_spaces, without_comments(text))
        self._braces = _pairs(self._shape, "{", "}")
        self._parens = _pairs(self._shape, "(", ")")
        self._lines = [match.start() for match in re.finditer("\n", text)]
        self._public = True

    def line(self, place):
        """The line, from 1, of a place in the text."""
        return bisect.bisect_left(self._lines, place) + 1

    def add(self, kind, name, key, first, last, body, text=None):
        """Notes an entity that stands between two places."""
        words = self._code[first:last + 1] if text is None else text
        first += len(words) - len(words.lstrip()) if text is None else 0
        self.entities.append(Entity(
            kind, name, key, self.line(first), self.line(last), body,
            " ".join(words.split()), self._public))

    def scope(self, start, end, outer):
        """Reads what stands between two places; outer is the class's name.

        Returns the ranges that belong to functions and inner classes.
        """
        taken, head, place = [], start, start
        while True:
            match = TOKEN.search(self._shape, place, end)
            if not match:
                return taken
            sign, at = match.group(), match.start()
            if sign == "(":
                place = self._parens[at] + 1
                continue
            if sign == "{":
                place = self._braces[at] + 1
                if not self.block(head, at, outer, taken):
                    continue  # an initialiser: the statement goes on
            else:
                place = match.end()
                if sign == ";":
                    self.declaration(head, at, outer, taken)
                elif sign != "}":
                    self._public = sign.startswith("public")
            head = place

    def block(self, head, at, outer, taken):
        """What a brace opens; False if it opens an initialiser."""
        close = self._braces[at]
        raw = self._shape[head:at]
        words = _without_attributes(_without_template(raw)).strip()
        start = head + len(raw) - len(raw.lstrip())
        test = TEST.match(raw)
        if test:
            name = ".".join(test.groups())
            self.add("test", name, name, start, close, True)
            return True
        if re.match(r'(inline\s+)?namespace\b|extern\s*"', words):
            taken += self.scope(at + 1, close, outer)
            return True
        function = _function_in(words)
        if function:
            if re.search(r"\)[^()]*[^:]:[^:]", words) and (
                    re.search(r"[\w>]$", words)):
                return False  # a member's initialiser: a_{1}
            self.function(function, start, close, True, outer)
            taken.append((start, close + 1))
            return True
        kind = CLASS.match(words)
        if kind and "=" not in words:
            self.a_class(kind, words, start, at, outer)
            taken.append((start, close + 1))
            return True
        return False

    def a_class(self, kind, words, start, at, outer):
        """Notes a class: its own text is what its functions leave over."""
        close, place_of_class = self._braces[at], len(self.entities)
        names = kind.group(1).split()
        name = outer + names[-1] if names else ""
        inner = []
        if not words.startswith("enum"):
            outside = self._public
            self._public = not words.startswith("class")
            inner = self.scope(at + 1, close, name + "::" if name else "")
            self._public = outside
        own, place = [], start
        for first, last in sorted(inner):
            own.append(self._code[place:first])
            place = max(place, last)
        own.append(self._code[place:close + 1])
        if name:
            self.add("class", name, name, start, close, True, " ".join(own))
            self.entities.insert(place_of_class, self.entities.pop())

    def declaration(self, head, at, outer, taken):
        """Notes the function that a statement declares, if it does."""
        raw = self._shape[head:at]
        words = _without_attributes(_without_template(raw)).strip()
        if NO_DECLARATION.match(words) or "(" not in words:
            return
        function = _function_in(words)
        if function:
            start = head + len(raw) - len(raw.lstrip())
            self.function(function, start, at, False, outer)
            taken.append((start, at + 1))

    def function(self, function, start, last, body, outer):
        """Notes a function, by its name and its parameters."""
        name, parameters = outer + function[0], function[1]
        self.add("function", name, f"{name}({parameters})", start, last, body)


@functools.lru_cache(maxsize=None)
def scan(text):
    """All entities of a C or C++ text, in order."""
    walk = _Walk(text)
    walk.scope(0, len(text), "")
    return tuple(walk.entities)
