"""Comparing function names and expressions the way a person would."""

import re

_LAMBDAS = re.compile(r"\{lambda\([^{}]*\)#\d+\}|<lambda\([^<>]*\)>|'lambda\d*'(?:\([^()]*\))?"
                      r"|\{closure#\d+\}|\{\{closure\}\}|\{closure_env#\d+\}")
_RUST_HASH = re.compile(r"::h[0-9a-f]{16}$")
_CLONE = re.compile(r"(\s*\[clone [^\]]*\])+$|(\.(isra|constprop|part|cold|lto_priv|llvm)\.?\d*)+$")


def _drop_brackets(text, opening, closing):
    """Removes bracketed parts at any depth, but keeps operator<, operator-> and operator()."""
    out, depth, index = [], 0, 0
    while index < len(text):
        rest = text[index:]
        if depth == 0:
            kept = re.match(r"operator\s*(\(\)|<=>|->\*?|<<=?|>>=?|<=|>=|<|>)", rest)
            if kept:
                out.append(kept.group(0).replace(" ", ""))
                index += kept.end()
                continue
        character = text[index]
        if character == opening:
            depth += 1
        elif character == closing and depth > 0:
            depth -= 1
        elif depth == 0:
            out.append(character)
        index += 1
    return "".join(out)


def short_function(name):
    """`ns::Book<int>::apply(Order const&) const [clone .isra.0]` becomes `ns::Book::apply`."""
    if name is None:
        return ""
    text = _RUST_HASH.sub("", _CLONE.sub("", name.strip()))
    text = text.replace("(anonymous namespace)::", "").replace("{anonymous}::", "")
    text = _LAMBDAS.sub("lambda", text)
    text = re.sub(r"^<(.+?) as .+?>::", r"\1::", text)
    text = re.sub(r"::<", "<", text)
    text = _drop_brackets(text, "<", ">")
    text = _drop_brackets(text, "(", ")")
    text = re.sub(r"\[abi:\w+\]", "", text)
    text = re.sub(r"\b(const|volatile|noexcept)\b|[&]+$", "", text).strip()
    return text.split()[-1] if text.split() else ""


def same_function(expected, got):
    """Equal up to qualification: `Book::apply` is `ns::Book::apply` and also a bare `apply`."""
    wanted, seen = short_function(expected).split("::"), short_function(got).split("::")
    if seen == [""] or wanted == [""]:
        return False
    shorter = min(len(wanted), len(seen))
    return wanted[-shorter:] == seen[-shorter:]


def short_expression(text):
    """Spaces, `this->`, a leading `(*this).` and outer parentheses do not matter."""
    if text is None:
        return ""
    text = re.sub(r"\s+", "", text)
    text = text.replace("(*this).", "").replace("this->", "")
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    return text.strip("`")


def same_expression(expected, got):
    return short_expression(expected) == short_expression(got) != ""
