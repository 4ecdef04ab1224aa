//! `--exclude`: which entries of a tree stay out.
//!
//! - What it does: matches an entry's path below the PATH that is exported against a pattern in the manner of
//!   gitignore(5): one without a slash is for names at any depth, one with a slash for paths from the top; a slash at
//!   its end is for directories alone; `*`, `?` and `[…]` stay within a name, `**` doesn't.
//! - What must stay true: the time that it takes is a product of lengths, whatever pattern and name are.
//! - Serves: STORE-22.

/// A pattern of `--exclude`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
    /// It may begin at any depth.
    anywhere: bool,
    directories: bool,
}

/// What a pattern has between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// `**`: any number of names.
    Any,
    Name(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// `*`.
    Star,
    /// `?`.
    One,
    Byte(u8),
    /// `[…]`.
    Class {
        not: bool,
        ranges: Vec<(char, char)>,
    },
}

/// Why a pattern is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It has nothing in it.
    #[error("a pattern of nothing")]
    Empty,
    /// A `[` has no end.
    #[error("a [ without its ]")]
    Open,
    /// A `\` at the end.
    #[error("a \\ with nothing behind it")]
    Escape,
    /// Bytes that are no text.
    #[error("it isn't UTF-8")]
    Text,
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// Where it can't match anything as it stands.
    pub fn parse(text: &[u8]) -> Result<Pattern, PatternError> {
        let text = std::str::from_utf8(text).map_err(|_| PatternError::Text)?;
        let (body, directories) = text.strip_suffix('/').map_or((text, false), |body| (body, true));
        let anywhere = !body.contains('/');
        let body = body.strip_prefix('/').unwrap_or(body);
        if body.split('/').any(str::is_empty) {
            return Err(PatternError::Empty);
        }
        let part = |part| if part == "**" { Ok(Part::Any) } else { tokens(part).map(Part::Name) };
        let parts = body.split('/').map(part).collect::<Result<Vec<_>, _>>()?;
        Ok(Pattern { parts, anywhere, directories })
    }

    /// Whether it is for the entry whose path this is, name by name.
    #[must_use]
    pub fn is_for(&self, path: &[&[u8]], directory: bool) -> bool {
        if self.directories && !directory {
            return false;
        }
        let path = if self.anywhere { &path[path.len().saturating_sub(1)..] } else { path };
        let wild = |part: &Part| *part == Part::Any;
        glob(&self.parts, path, wild, |part, names| match (part, names) {
            (Part::Name(tokens), [name, ..]) if matches(tokens, name) => Some(1),
            _ => None,
        })
    }
}

/// Matches in the way that needs to remember one star only: the last that was met.
fn glob<P, I>(pattern: &[P], items: &[I], wild: impl Fn(&P) -> bool, take: impl Fn(&P, &[I]) -> Option<usize>) -> bool {
    let (mut at, mut item, mut star) = (0, 0, None);
    loop {
        match pattern.get(at) {
            Some(part) if wild(part) => {
                star = Some((at, item));
                at += 1;
                continue;
            }
            Some(part) => {
                if let Some(taken) = take(part, &items[item..]) {
                    (at, item) = (at + 1, item + taken);
                    continue;
                }
            }
            None if item == items.len() => return true,
            None => {}
        }
        // The star takes one more.
        match star {
            Some((of, from)) if from < items.len() => {
                star = Some((of, from + 1));
                (at, item) = (of + 1, from + 1);
            }
            _ => return false,
        }
    }
}

fn matches(tokens: &[Token], name: &[u8]) -> bool {
    glob(tokens, name, |token| *token == Token::Star, |token, rest| token.takes(rest))
}

impl Token {
    /// How many bytes it takes from the front, if it takes any.
    fn takes(&self, rest: &[u8]) -> Option<usize> {
        let (character, length) = first(rest)?;
        match self {
            Token::Star => None,
            Token::One => Some(length),
            Token::Byte(byte) => (rest[0] == *byte).then_some(1),
            Token::Class { not, ranges } => {
                let within = character
                    .is_some_and(|character| ranges.iter().any(|(low, high)| (*low..=*high).contains(&character)));
                (within != *not).then_some(length)
            }
        }
    }
}

/// The character that bytes begin with and its length; a byte that begins none is one by itself.
fn first(bytes: &[u8]) -> Option<(Option<char>, usize)> {
    let start = &bytes[..bytes.len().min(4)];
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(fault) => std::str::from_utf8(&start[..fault.valid_up_to()]).unwrap_or_default(),
    };
    match text.chars().next() {
        Some(character) => Some((Some(character), character.len_utf8())),
        None => start.first().map(|_| (None, 1)),
    }
}

fn tokens(part: &str) -> Result<Vec<Token>, PatternError> {
    let mut tokens = Vec::new();
    let mut rest = part.chars();
    while let Some(character) = rest.next() {
        match character {
            '*' if tokens.last() == Some(&Token::Star) => {}
            '*' => tokens.push(Token::Star),
            '?' => tokens.push(Token::One),
            '[' => tokens.push(class(&mut rest)?),
            character => {
                let literal = if character == '\\' { rest.next().ok_or(PatternError::Escape)? } else { character };
                tokens.extend(literal.encode_utf8(&mut [0; 4]).bytes().map(Token::Byte));
            }
        }
    }
    Ok(tokens)
}

/// What stands behind a `[`.
fn class(rest: &mut std::str::Chars<'_>) -> Result<Token, PatternError> {
    let mut characters = Vec::new();
    loop {
        match rest.next().ok_or(PatternError::Open)? {
            // One that comes first stands for itself (fnmatch(3)).
            ']' if !characters.is_empty() && characters != ['!'] && characters != ['^'] => break,
            character => characters.push(character),
        }
    }
    let (not, characters) = match &characters[..] {
        ['!' | '^', others @ ..] => (true, others),
        all => (false, all),
    };
    let mut ranges = Vec::new();
    let mut left = characters;
    while let [low, others @ ..] = left {
        left = match others {
            ['-', high, others @ ..] => {
                ranges.push((*low, *high));
                others
            }
            others => {
                ranges.push((*low, *low));
                others
            }
        };
    }
    Ok(Token::Class { not, ranges })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_for(pattern: &str, path: &str) -> bool {
        let (path, directory) = path.strip_suffix('/').map_or((path, false), |path| (path, true));
        let names: Vec<&[u8]> = path.split('/').map(str::as_bytes).collect();
        Pattern::parse(pattern.as_bytes()).unwrap().is_for(&names, directory)
    }

    #[test]
    fn patterns_are_for_what_gitignore_says() {
        for (pattern, well, not) in [
            ("*.o", &["a.o", "x/y/b.o", ".o", "dir.o/"][..], &["a.oo", "a.o/x"][..]),
            ("target/", &["target/", "x/target/"], &["target", "x/targets/"]),
            ("/target", &["target", "target/"], &["x/target"]),
            ("a/b", &["a/b", "a/b/"], &["x/a/b", "a/b/c", "b"]),
            ("a/*/c", &["a/x/c"], &["a/c", "a/x/y/c"]),
            ("a/**/c", &["a/c", "a/x/c", "a/x/y/c"], &["a/x/cc", "x/a/c"]),
            ("**/c", &["c", "a/c", "a/b/c"], &["a/cc"]),
            ("a/**", &["a/b", "a/b/c"], &["b/a"]),
            ("?", &["a", "é", "x/日"], &["ab", "éa"]),
            ("[a-c]x", &["ax", "cx"], &["dx", "-x"]),
            ("[!a-c]x", &["dx", "éx"], &["ax", "x"]),
            ("[]-]", &["]", "-"], &["a"]),
            ("\\*", &["*"], &["a"]),
            ("a*b*c", &["abc", "axxbyyc", "abbcc"], &["ab", "acb"]),
            (".*", &[".git/", "x/.hidden"], &["git", "a.b"]),
        ] {
            for path in well {
                assert!(is_for(pattern, path), "{pattern} is for {path}");
            }
            for path in not {
                assert!(!is_for(pattern, path), "{pattern} isn't for {path}");
            }
        }
    }

    #[test]
    fn a_name_that_is_no_text_has_bytes() {
        let is_for = |pattern: &str, name: &[u8]| Pattern::parse(pattern.as_bytes()).unwrap().is_for(&[name], false);
        assert!(is_for("b?c", b"b\xffc") && is_for("b*", b"b\xffc") && is_for("b[!x]c", b"b\xffc"));
        assert!(!is_for("b[x-z]c", b"b\xffc"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let fault = |text: &[u8]| Pattern::parse(text).unwrap_err();
        assert_eq!(
            [fault(b""), fault(b"/"), fault(b"a//b")],
            [PatternError::Empty, PatternError::Empty, PatternError::Empty]
        );
        assert_eq!(
            [fault(b"[a"), fault(b"[]"), fault(b"a\\")],
            [PatternError::Open, PatternError::Open, PatternError::Escape]
        );
        assert_eq!(fault(b"\xff"), PatternError::Text);
    }

    proptest! {
        #[test]
        fn a_name_is_matched_by_itself_escaped(name in "[^/\0]{1,20}") {
            let escaped: String = name.chars().flat_map(|c| ['\\', c]).collect();
            prop_assert!(Pattern::parse(escaped.as_bytes()).unwrap().is_for(&[name.as_bytes()], false));
        }

        #[test]
        fn any_bytes_are_a_pattern_or_an_error(text in prop::collection::vec(any::<u8>(), 0..30), name in prop::collection::vec(1u8.., 1..30)) {
            if let Ok(pattern) = Pattern::parse(&text) {
                let _ = pattern.is_for(&[&name], true);
            }
        }
    }

    #[test]
    fn many_stars_take_no_longer_than_few() {
        let pattern = "a*".repeat(200) + "b";
        assert!(!is_for(&pattern, &"a".repeat(4000)));
    }
}
