//! Text that came from outside, made fit to be shown: what can't be seen made visible, what is too long
//! shortened with the length that it had.
//!
//! What must stay true: the result has no control character but line feeds and tabs, nothing that turns the
//! direction of the text around, and no character that XML 1.0 forbids. Markup isn't escaped here: that is
//! for each format to do.

/// The text with everything visible.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' | '\t' => shown.push(char),
            // The pictures of control characters stand in their order from U+2400 on.
            '\0'..='\u{1f}' => shown.extend(char::from_u32(0x2400 + u32::from(char))),
            '\u{7f}' => shown.push('\u{2421}'),
            '\u{80}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => shown.extend(char.escape_unicode()),
            _ => shown.push(char),
        }
    }
    shown
}

/// As [`visible`], and at most so many bytes of it: the beginning and the end, and how much is left out.
pub(super) fn excerpt(text: &str, most: usize) -> String {
    if text.len() <= most {
        return visible(text);
    }
    let head = &text[..floor(text, most * 2 / 3)];
    let tail = &text[floor(text, text.len() - most / 3)..];
    let between = text.len() - head.len() - tail.len();
    format!("{}\n… {between} bytes are left out here …\n{}", visible(head), visible(tail))
}

/// As [`visible`], in one line of at most so many characters.
pub(super) fn one_line(text: &str, most: usize) -> String {
    // A character has at most four bytes, so that this much is enough to see whether there are more.
    let enough = floor(text, most.saturating_add(1).saturating_mul(4));
    let words = visible(&text[..enough]).replace(['\n', '\t'], " ");
    match words.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &words[..at]),
        None => words,
    }
}

/// The last boundary between characters that isn't behind this byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A time: `40 ms`, `8.3 s`, `2 min 5 s`, `1 h 2 min`.
pub(super) fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// A number of things: `1 case`, `2 cases`.
pub(super) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_made_visible() {
        assert_eq!(visible("a\0\u{1b}[31m\r\n\tb\u{7f}"), "a␀␛[31m␍\n\tb␡");
        assert_eq!(visible("\u{9b}\u{202e}\u{ffff}é"), "\\u{9b}\\u{202e}\\u{ffff}é");
    }

    #[test]
    fn what_is_too_long_says_how_much_is_left_out() {
        let text = "é".repeat(100);
        assert_eq!(
            excerpt(&text, 30),
            format!("{}\n… 170 bytes are left out here …\n{}", "é".repeat(10), "é".repeat(5))
        );
        assert_eq!(excerpt("short", 5), "short");
        assert_eq!(one_line("a\nb\tc", 9), "a b c");
        assert_eq!(one_line(&"x".repeat(1 << 20), 3), "xxx…");
        assert_eq!(one_line("xyz", 3), "xyz");
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        assert_eq!([999, 8_345, 125_000, 3_720_000].map(duration), ["999 ms", "8.3 s", "2 min 5 s", "1 h 2 min"]);
    }
}
