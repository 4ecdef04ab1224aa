//! A line for a shell that does with one implementation what a run did, without the suite.

use std::fmt::Write as _;

use super::input::{Flag, Input, Named, What};
use super::place::{HOST, SCRIPT, Side, TEXT, UNINTERPRETED};
use crate::facts::escaped;

/// Where an absolute path begins, until it is quoted.
const ROOT: &[u8] = b"\x01root\x01";

/// The line, for bash. It makes a directory of its own; `WW_PROBE` names the probe.
pub(super) fn line(side: &Side<'_>, input: &Input) -> String {
    let mut line = "cd \"$(mktemp -d)\"".to_owned();
    let (file, _) = input.program.what.file();
    let name = quoted(&input.program.named.name(file));
    line += &match input.program.what {
        What::Facts | What::Exit(_) | What::Signal(_) => format!(" && cp -- \"$WW_PROBE\" {name}"),
        What::NotExecutable => format!(" && cp -- \"$WW_PROBE\" {name} && chmod -x -- {name}"),
        What::Directory => format!(" && mkdir -- {name}"),
        What::Script => written(SCRIPT, &name),
        What::NoInterpreter => written(UNINTERPRETED, &name),
        What::Text => written(TEXT, &name),
        What::EmptyFile => written("", &name),
        What::Missing | What::EmptyPath | What::Absent => String::new(),
    };
    line += " && (";
    if let Some(mask) = input.umask {
        _ = write!(line, "umask {mask:03o}; ");
    }
    if !input.ignored.is_empty() {
        let signals: Vec<String> = input.ignored.iter().map(ToString::to_string).collect();
        _ = write!(line, "trap '' {}; ", signals.join(" "));
    }
    let adapter = side.suite.setup().adapter();
    let asks = input.flags.iter().any(|flag| matches!(flag, Flag::Env(entry) if entry.bytes() == HOST.0.as_bytes()))
        || input.ww_env.as_ref().is_some_and(|list| escaped(list).contains(HOST.0));
    let host = asks.then_some((HOST.0.as_bytes(), HOST.1.as_bytes()));
    let own = adapter.env.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes()));
    let listed = input.ww_env.as_ref().map(|list| (&b"WW_ENV"[..], list.bytes()));
    for (key, value) in own.chain(host).chain(listed) {
        _ = write!(line, "{}={} ", String::from_utf8_lossy(key), quoted(value));
    }
    // With the words that choose the layout, where they are needed.
    let run = side.suite.ww();
    let words = run.words().iter().map(|word| quoted(word));
    let words: Vec<String> =
        words.chain(side.words(input, ROOT).iter().map(|word| rooted(word.bytes(), input))).collect();
    line += &words.join(" ");
    for number in &input.open {
        _ = write!(line, " {number}<>f{number}");
    }
    for number in &input.closed {
        _ = write!(line, " {number}>&-");
    }
    line += if input.closed.contains(&0) { ")" } else { " </dev/null)" };
    line
}

fn written(text: &str, name: &str) -> String {
    format!(" && printf %s {} >{name} && chmod +x -- {name}", quoted(text.as_bytes()))
}

/// A word, where `ROOT` in front stands for the directory.
fn rooted(word: &[u8], input: &Input) -> String {
    match word.strip_prefix(ROOT) {
        Some(rest) if input.program.named == Named::Absolute => format!("\"$PWD\"{}", quoted(rest)),
        _ => quoted(word),
    }
}

/// A word as bash reads it.
fn quoted(word: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(byte);
    if !word.is_empty() && word.iter().all(plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    if word.iter().all(|byte| (b' '..=b'~').contains(byte) && *byte != b'\'') {
        return format!("'{}'", String::from_utf8_lossy(word));
    }
    format!("$'{}'", escaped(word).replace("\\\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bash_reads_what_was_meant() {
        let all: Vec<u8> = (1..=255).collect();
        for word in [&b""[..], b"plain", b"two words", b"it's", b"$HOME `x` \"y\"", b"\\", &all, b"\xff1\x01f\n'"] {
            let script = format!("printf %s {}", quoted(word));
            let said = std::process::Command::new("bash").args(["-c", &script]).output().expect("bash runs");
            assert_eq!(said.stdout, word, "{script}");
        }
    }
}
